import { useQuery } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";

import { answer, api } from "../../api/client";
import { nodes, plans } from "../../api/queries";
import { source, type Source } from "../../api/records";
import { useMay } from "../../api/roles";
import { Card } from "../../components/basics";
import { Facts, type Fact } from "../../components/Facts";
import { One } from "../../components/One";
import { RecordLinks } from "../../components/RecordLinks";
import { RecordPage } from "../../components/RecordPage";
import { When } from "../../components/When";
import { specOf, specValues } from "../../lib/source";
import { useTexts } from "../../texts";
import { useBucketFacts } from "./BucketFacts";
import { Paths, useInstanceFacts } from "./InstanceFacts";
import { useMongodbFacts } from "./MongodbFacts";
import { SourceForm } from "./SourceForm";
import { useSqliteFacts } from "./SqliteFacts";

const route = getRouteApi("/sources/$id");

export function SourcePage() {
  const { id } = route.useParams();
  return <One query={useQuery(source(id))} list="sources">{(found) => <Page key={id} source={found} />}</One>;
}

function Page({ source: found }: { source: Source }) {
  const texts = useTexts();
  const params = { path: { id: found.id } };
  const mayStop = useMay("editHooks", found.project);
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
          values={{ project, name, node, ...specValues(spec) }}
          save={async ({ name, node, ...values }) => {
            const entered = specOf(values);
            // Who may not change how an instance is stopped leaves that exactly as it is.
            const keeps = entered.type === "mysql" && spec.type === "mysql" && !mayStop;
            const body = { name, node, spec: keeps ? { ...entered, method: spec.method } : entered, revision };
            await answer(api.PUT("/api/v1/sources/{id}", { params, body }));
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
  const others = [useInstanceFacts(found), useMongodbFacts(found), useSqliteFacts(found), useBucketFacts(found)];
  const facts: readonly Fact[] =
    found.spec.type === "files"
      ? [
          [words.paths, <Paths key="paths" paths={found.spec.paths} />],
          [words.leftOut, <Paths key="out" paths={found.spec.excludes ?? []} />],
        ]
      : others.flat();
  return (
    <Card>
      <Facts
        facts={[
          [texts.form.node, hosts?.find(({ id }) => id === found.node)?.name ?? "…"],
          ...facts,
          [texts.records.changed, <When key="changed" time={found.changed} />],
          [texts.pages.plans, <RecordLinks key="users" records={users} to="/plans/$id" none={words.unused} />],
        ]}
      />
    </Card>
  );
}
