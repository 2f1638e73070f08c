import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";

import { answer, api } from "../../api/client";
import { destinations, nodes, type Connection } from "../../api/queries";
import { connection } from "../../api/records";
import { useMay } from "../../api/roles";
import { Card, PageHead } from "../../components/basics";
import { Facts } from "../../components/Facts";
import { One } from "../../components/One";
import { Opened } from "../../components/Opened";
import { Remove } from "../../components/Remove";
import { When } from "../../components/When";
import { placeOf, settingsOf, settingsValues } from "../../lib/connection";
import { useTexts } from "../../texts";
import { ConnectionForm, type ConnectionValues } from "./ConnectionForm";
import { TryNow } from "./TryNow";

const route = getRouteApi("/connections/$id");

export function ConnectionPage() {
  const { id } = route.useParams();
  return <One query={useQuery(connection(id))}>{(found) => <Page key={id} connection={found} />}</One>;
}

function Page({ connection: found }: { connection: Connection }) {
  const texts = useTexts();
  const words = texts.records.connection;
  const queries = useQueryClient();
  const navigate = route.useNavigate();
  const mayEdit = useMay("editConnections", found.project);
  const { data: hosts } = useQuery(nodes());
  const users = useQuery(destinations()).data?.filter((destination) => destination.connection === found.id) ?? [];
  const params = { path: { id: found.id } };
  const toList = () => navigate({ to: "/connections" });
  const save = async (revision: number, { name, node, settings }: ConnectionValues) => {
    const body = { name, node, settings: settingsOf(settings), revision };
    await answer(api.PUT("/api/v1/connections/{id}", { params, body }));
    await queries.invalidateQueries({ queryKey: ["records"] });
  };
  return (
    <>
      <PageHead title={found.name} />
      <div className="flex flex-col gap-4">
        <Card>
          <Facts
            facts={[
              [words.type, words.types[found.settings.type]],
              [words.place, placeOf(found.settings)],
              [texts.form.node, hosts?.find(({ id }) => id === found.node)?.name ?? "…"],
              [texts.records.changed, <When key="changed" time={found.changed} />],
              [
                texts.pages.destinations,
                users.length === 0
                  ? words.unused
                  : users.map(({ id, name }) => (
                      <Link key={id} to="/destinations/$id" params={{ id }} className="block py-0.5 text-accent hover:underline">
                        {name}
                      </Link>
                    )),
              ],
            ]}
          />
          <div className="mt-4 border-t border-line pt-4">
            <TryNow connection={found} />
          </div>
        </Card>
        {mayEdit && (
          <Opened record={found} fetch={() => queries.fetchQuery({ ...connection(found.id), staleTime: 0 })}>
            {(opened, reload) => (
              <ConnectionForm
                isNew={false}
                values={{
                  project: opened.project,
                  name: opened.name,
                  node: opened.node,
                  settings: settingsValues(opened.settings),
                }}
                save={(values) => save(opened.revision, values)}
                saved={() => void toList()}
                reload={reload}
              />
            )}
          </Opened>
        )}
        {mayEdit && (
          <Remove
            name={found.name}
            hint={words.removeHint}
            go={() => answer(api.DELETE("/api/v1/connections/{id}", { params }))}
            gone={toList}
          />
        )}
      </div>
    </>
  );
}
