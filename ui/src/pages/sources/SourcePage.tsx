import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";

import { answer, api } from "../../api/client";
import { nodes, plans } from "../../api/queries";
import { source, type Source } from "../../api/records";
import { useMay } from "../../api/roles";
import { Card, PageHead } from "../../components/basics";
import { Facts } from "../../components/Facts";
import { One } from "../../components/One";
import { Opened } from "../../components/Opened";
import { Remove } from "../../components/Remove";
import { When } from "../../components/When";
import { specOf, specValues, type SourceValues } from "../../lib/source";
import { useTexts } from "../../texts";
import { SourceForm } from "./SourceForm";
import { Name } from "../../components/Name";

const route = getRouteApi("/sources/$id");

export function SourcePage() {
  const { id } = route.useParams();
  return <One query={useQuery(source(id))}>{(found) => <Page key={id} source={found} />}</One>;
}

function Page({ source: found }: { source: Source }) {
  const texts = useTexts();
  const words = texts.records.source;
  const queries = useQueryClient();
  const navigate = route.useNavigate();
  const mayEdit = useMay("editSources", found.project);
  const { data: hosts } = useQuery(nodes());
  const users = useQuery(plans()).data?.filter((plan) => plan.sources.includes(found.id)) ?? [];
  const params = { path: { id: found.id } };
  const toList = () => navigate({ to: "/sources" });
  const save = async (revision: number, { name, node, spec }: SourceValues) => {
    await answer(api.PUT("/api/v1/sources/{id}", { params, body: { name, node, spec: specOf(spec), revision } }));
    await queries.invalidateQueries({ queryKey: ["records"] });
  };
  const list = (items: readonly string[] | undefined) =>
    items === undefined || items.length === 0
      ? "–"
      : items.map((item) => (
          <Name key={item} className="block font-mono text-xs leading-5 whitespace-pre-wrap">
            {item}
          </Name>
        ));
  return (
    <>
      <PageHead title={found.name}>
        <Link to="/runs" search={{ source: found.id }} className="text-sm text-accent hover:underline">
          {texts.pages.runs}
        </Link>
      </PageHead>
      <div className="flex flex-col gap-4">
        <Card>
          <Facts
            facts={[
              [texts.form.node, hosts?.find(({ id }) => id === found.node)?.name ?? "…"],
              [words.paths, list(found.spec.paths)],
              [words.leftOut, list(found.spec.excludes)],
              [texts.records.changed, <When key="changed" time={found.changed} />],
              [
                texts.pages.plans,
                users.length === 0
                  ? words.unused
                  : users.map(({ id, name }) => (
                      <Link key={id} to="/plans/$id" params={{ id }} className="block py-0.5 text-accent hover:underline">
                        {name}
                      </Link>
                    )),
              ],
            ]}
          />
        </Card>
        {mayEdit && (
          <Opened record={found} fetch={() => queries.fetchQuery({ ...source(found.id), staleTime: 0 })}>
            {(opened, reload) => (
              <SourceForm
                isNew={false}
                values={{ project: opened.project, name: opened.name, node: opened.node, spec: specValues(opened.spec) }}
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
            go={() => answer(api.DELETE("/api/v1/sources/{id}", { params }))}
            gone={toList}
          />
        )}
      </div>
    </>
  );
}
