import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Plus } from "lucide-react";

import { nodes, type Node } from "../../api/queries";
import { useMay } from "../../api/roles";
import { Empty, Failure, Loading, PageHead, buttonClass } from "../../components/basics";
import { useProject } from "../../components/project";
import { useTexts } from "../../texts";
import { JoinTokens } from "./JoinTokens";
import { useNodeFacts } from "./NodeFacts";
import { Name } from "../../components/Name";

export function Nodes() {
  const texts = useTexts();
  const query = useQuery(nodes(useProject()));
  const mayManage = useMay("manageNodes");
  const add = mayManage && (
    <Link to="/nodes/new" className={buttonClass("accent")}>
      <Plus aria-hidden size={16} />
      {texts.node.add}
    </Link>
  );
  return (
    <>
      <PageHead title={texts.pages.nodes}>{add}</PageHead>
      {query.isPending && <Loading />}
      {query.isError && <Failure error={query.error} again={() => void query.refetch()} />}
      {query.data?.length === 0 && <Empty title={texts.nodes.none} hint={texts.nodes.noneHint} />}
      <ul className="mb-4 grid gap-4 xl:grid-cols-2">
        {query.data?.map((node) => (
          <li key={node.id}>
            <OneNode node={node} />
          </li>
        ))}
      </ul>
      {mayManage && <JoinTokens />}
    </>
  );
}

function OneNode({ node }: { node: Node }) {
  const texts = useTexts();
  const facts = useNodeFacts(node);
  return (
    <section className="h-full rounded-lg border border-line bg-card p-4">
      <header className="mb-3 flex items-baseline justify-between gap-4">
        <h2 className="text-base font-semibold">
          <Link to="/nodes/$id" params={{ id: node.id }} className="text-accent wrap-anywhere hover:underline">
            <Name>{node.name}</Name>
          </Link>
        </h2>
        <Link to="/runs" search={{ node: node.id }} className="text-sm text-accent hover:underline">
          {texts.pages.runs}
        </Link>
      </header>
      {node.local && <p className="mb-2 text-xs text-faint">{texts.nodes.here}</p>}
      {node.revoked && <p className="mb-3 border-l-4 border-bad pl-3 text-sm text-bad">{texts.node.revoked}</p>}
      {node.trouble && <p className="mb-3 border-l-4 border-bad pl-3 text-sm wrap-anywhere">{node.trouble}</p>}
      <dl className="grid grid-cols-2 gap-3 text-sm sm:grid-cols-3">
        {facts.map(([name, value]) => (
          <div key={name} className="min-w-0">
            <dt className="text-xs text-faint">{name}</dt>
            <dd className="wrap-anywhere tabular-nums">{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
