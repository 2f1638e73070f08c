import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";

import { answer, api } from "../../api/client";
import { connections, plans } from "../../api/queries";
import { destination, repositories, type Destination } from "../../api/records";
import { useMay } from "../../api/roles";
import { Card, Loading, PageHead } from "../../components/basics";
import { Facts } from "../../components/Facts";
import { HealthBadge } from "../../components/HealthBadge";
import { One } from "../../components/One";
import { Opened } from "../../components/Opened";
import { Remove } from "../../components/Remove";
import { madeEmpty } from "../../lib/destination";
import { useTexts } from "../../texts";
import { Adopt } from "./Adopt";
import { DestinationForm, type DestinationValues } from "./DestinationForm";
import { Repositories } from "./Repositories";

const route = getRouteApi("/destinations/$id");

export function DestinationPage() {
  const { id } = route.useParams();
  const query = useQuery(destination(id));
  // What they say would push down what is below.
  const parts = [useQuery(connections()), useQuery(plans()), useQuery(repositories(id))];
  if (parts.some(({ isPending }) => isPending)) {
    return <Loading />;
  }
  return <One query={query}>{(found) => <Page key={id} destination={found} />}</One>;
}

function Page({ destination: found }: { destination: Destination }) {
  const texts = useTexts();
  const words = texts.records.destination;
  const queries = useQueryClient();
  const navigate = route.useNavigate();
  const mayEdit = useMay("editDestinations", found.project);
  const params = { path: { id: found.id } };
  const toList = () => navigate({ to: "/destinations" });
  const save = async (revision: number, { name, connection, path, layout }: DestinationValues) => {
    const body = { name, connection, path, layout, revision };
    await answer(api.PUT("/api/v1/destinations/{id}", { params, body }));
    await queries.invalidateQueries({ queryKey: ["records"] });
  };
  return (
    <>
      <PageHead title={found.name} />
      <div className="flex flex-col gap-4">
        <About destination={found} />
        <Repositories destination={found} />
        {mayEdit && <Adopt destination={found} />}
        {mayEdit && (
          <Opened record={found} fetch={() => queries.fetchQuery({ ...destination(found.id), staleTime: 0 })}>
            {(opened, reload) => (
              <DestinationForm
                isNew={false}
                values={{
                  project: opened.project,
                  name: opened.name,
                  connection: opened.connection,
                  path: opened.path ?? "",
                  layout: opened.layout ?? "per_node",
                  made: madeEmpty,
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
            go={() => answer(api.DELETE("/api/v1/destinations/{id}", { params }))}
            gone={toList}
          />
        )}
      </div>
    </>
  );
}

function About({ destination: found }: { destination: Destination }) {
  const texts = useTexts();
  const words = texts.records.destination;
  const connection = useQuery(connections()).data?.find(({ id }) => id === found.connection);
  const users = useQuery(plans()).data?.filter((plan) => plan.destinations.includes(found.id)) ?? [];
  return (
    <Card>
      <Facts
        facts={[
          [
            words.connection,
            connection === undefined ? (
              "…"
            ) : (
              <Link
                key="connection"
                to="/connections/$id"
                params={{ id: connection.id }}
                className="text-accent hover:underline"
              >
                {connection.name}
              </Link>
            ),
          ],
          [words.state, connection === undefined ? "…" : <HealthBadge key="state" status={connection.status} />],
          [words.path, found.path || words.top],
          [words.layout, words.layouts[found.layout ?? "per_node"]],
          [
            texts.pages.plans,
            users.length === 0
              ? words.unused
              : users.map(({ id, name }) => (
                  <Link key={id} to="/plans/$id" params={{ id }} className="block text-accent hover:underline">
                    {name}
                  </Link>
                )),
          ],
        ]}
      />
    </Card>
  );
}
