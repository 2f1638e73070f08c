import { useQuery } from "@tanstack/react-query";

import { connections, latestRuns, nodes, plans, recoveryKits, standing } from "../api/queries";
import { Failure, Loading } from "../components/basics";
import { Figures } from "../components/overview/Figures";
import { PlanRows } from "../components/overview/PlanRows";
import { Running } from "../components/overview/Running";
import { Storage } from "../components/overview/Storage";
import { Verdict } from "../components/overview/Verdict";
import { useProject } from "../components/project";
import { useNow } from "../components/When";
import { concerns } from "../lib/verdict";

export function Overview() {
  const now = useNow();
  const project = useProject();
  const overview = useQuery(standing(project));
  const allPlans = useQuery(plans(project));
  const allConnections = useQuery(connections(project));
  const allNodes = useQuery(nodes(project));
  const running = useQuery(latestRuns({ state: "running,paused,pending", ...(project && { project }) }, 10));
  const kits = useQuery(recoveryKits(project));
  const asked = [overview, allPlans, allConnections, allNodes, running, kits];
  const failed = asked.find((query) => query.isError);
  if (failed?.error) {
    return <Failure error={failed.error} again={() => asked.forEach((query) => void query.refetch())} />;
  }
  if (!overview.data || !allPlans.data || !allConnections.data || !allNodes.data || !running.data || !kits.data) {
    return <Loading />;
  }
  const found = concerns(overview.data, allPlans.data, allConnections.data, allNodes.data, kits.data, now);
  const verdict = <Verdict plans={overview.data.plans.length} found={found} />;
  const { plans: standings, storage } = overview.data;
  if (standings.length === 0 && storage.every(({ stored }) => stored === 0)) {
    return verdict;
  }
  return (
    <div className="flex flex-col gap-4">
      {verdict}
      <Figures overview={overview.data} />
      {running.data.length > 0 && <Running runs={running.data} />}
      <div className="grid items-start gap-4 xl:grid-cols-[minmax(0,5fr)_minmax(0,3fr)]">
        <PlanRows overview={overview.data} plans={allPlans.data} />
        <Storage overview={overview.data} nodes={new Map(allNodes.data.map(({ id, name }) => [id, name]))} />
      </div>
    </div>
  );
}
