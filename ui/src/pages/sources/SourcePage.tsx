import { useQuery } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";

import { answer, api } from "../../api/client";
import { nodes, plans } from "../../api/queries";
import { source, type Source } from "../../api/records";
import { Card } from "../../components/basics";
import { Facts } from "../../components/Facts";
import { Name } from "../../components/Name";
import { One } from "../../components/One";
import { RecordLinks } from "../../components/RecordLinks";
import { RecordPage } from "../../components/RecordPage";
import { When } from "../../components/When";
import { specOf, specValues } from "../../lib/source";
import { useTexts } from "../../texts";
import { SourceForm } from "./SourceForm";

const route = getRouteApi("/sources/$id");

export function SourcePage() {
  const { id } = route.useParams();
  return <One query={useQuery(source(id))} list="sources">{(found) => <Page key={id} source={found} />}</One>;
}

function Page({ source: found }: { source: Source }) {
  const texts = useTexts();
  const params = { path: { id: found.id } };
  return (
    <RecordPage
      record={found}
      query={source(found.id)}
      action="editSources"
      list="/sources"
      aside={
        <Link to="/runs" search={{ source: found.id }} className="text-sm text-accent hover:underline">
          {texts.pages.runs}
        </Link>
      }
      remove={{
        hint: texts.records.source.removeHint,
        go: () => answer(api.DELETE("/api/v1/sources/{id}", { params })),
      }}
      form={({ opened: { project, name, node, spec, revision }, reload, saved }) => (
        <SourceForm
          isNew={false}
          values={{ project, name, node, spec: specValues(spec) }}
          save={async ({ name, node, spec }) => {
            await answer(api.PUT("/api/v1/sources/{id}", { params, body: { name, node, spec: specOf(spec), revision } }));
          }}
          saved={saved}
          reload={reload}
        />
      )}
    >
      <About source={found} />
    </RecordPage>
  );
}

function About({ source: found }: { source: Source }) {
  const texts = useTexts();
  const words = texts.records.source;
  const { data: hosts } = useQuery(nodes());
  const users = useQuery(plans()).data?.filter((plan) => plan.sources.includes(found.id));
  return (
    <Card>
      <Facts
        facts={[
          [texts.form.node, hosts?.find(({ id }) => id === found.node)?.name ?? "…"],
          [words.paths, <Paths key="paths" paths={found.spec.paths} />],
          [words.leftOut, <Paths key="out" paths={found.spec.excludes ?? []} />],
          [texts.records.changed, <When key="changed" time={found.changed} />],
          [texts.pages.plans, <RecordLinks key="users" records={users} to="/plans/$id" none={words.unused} />],
        ]}
      />
    </Card>
  );
}

function Paths({ paths }: { paths: readonly string[] }) {
  if (paths.length === 0) {
    return "–";
  }
  return paths.map((path) => (
    <Name key={path} className="block font-mono text-xs leading-5 whitespace-pre-wrap">
      {path}
    </Name>
  ));
}
