import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { nodes, type Node } from "../api/queries";
import { Card, Empty, Failure, Loading, PageHead } from "../components/basics";
import { useProject } from "../components/project";
import { When } from "../components/When";
import { size } from "../lib/format";
import { useSpeech } from "../texts";

export function Nodes() {
  const { texts } = useSpeech();
  const query = useQuery(nodes(useProject()));
  return (
    <>
      <PageHead title={texts.pages.nodes} />
      {query.isPending && <Loading />}
      {query.isError && <Failure error={query.error} again={() => void query.refetch()} />}
      {query.data?.length === 0 && <Empty title={texts.nodes.none} hint={texts.nodes.noneHint} />}
      <ul className="grid gap-4 xl:grid-cols-2">
        {query.data?.map((node) => (
          <li key={node.id}>
            <OneNode node={node} />
          </li>
        ))}
      </ul>
    </>
  );
}

function OneNode({ node }: { node: Node }) {
  const { texts, language } = useSpeech();
  const host = node.host;
  const free = (part: number | undefined, whole: number | undefined) =>
    part !== undefined && whole !== undefined && whole > 0
      ? texts.nodes.free(size(part, language), size(whole, language))
      : "–";
  const facts: [string, React.ReactNode][] = [
    [texts.nodes.seen, <When key="seen" time={node.last_seen} />],
    [texts.nodes.version, host?.version ?? "–"],
    [texts.nodes.system, host?.system ?? "–"],
    [
      texts.nodes.processor,
      host?.cpu_percent === undefined ? "–" : `${Math.round(host.cpu_percent)} % · ${host.cores ?? "?"}`,
    ],
    [texts.nodes.memory, free(host?.memory_available, host?.memory_total)],
    [texts.nodes.disk, free(host?.disk_free, host?.disk_total)],
  ];
  return (
    <Card
      title={node.name}
      aside={
        <Link to="/runs" search={{ node: node.id }} className="text-sm text-accent hover:underline">
          {texts.pages.runs}
        </Link>
      }
    >
      {node.local && <p className="mb-2 text-xs text-faint">{texts.nodes.here}</p>}
      {node.trouble && <p className="mb-3 border-l-4 border-bad pl-3 text-sm wrap-anywhere">{node.trouble}</p>}
      <dl className="grid grid-cols-2 gap-3 text-sm sm:grid-cols-3">
        {facts.map(([name, value]) => (
          <div key={name} className="min-w-0">
            <dt className="text-xs text-faint">{name}</dt>
            <dd className="wrap-anywhere tabular-nums">{value}</dd>
          </div>
        ))}
      </dl>
    </Card>
  );
}
