import { useQuery } from "@tanstack/react-query";

import { destinations, latestRuns, sources, type Overview, type Plan } from "../../api/queries";
import { useMay } from "../../api/roles";
import type { Fact } from "../../components/Facts";
import { PlanRow } from "../../components/PlanRow";
import { describeSchedule } from "../../lib/plan/describe";
import { listed } from "../../lib/shown";
import { useSpeech } from "../../texts";
import { TurnPlan } from "./TurnPlan";

/** As many runs as the server tells at once. */
const MOST = 200;

/** Plans with how each stands. */
export function PlanList({ plans, overview }: { plans: readonly Plan[]; overview: Overview }) {
  const { texts, language } = useSpeech();
  const under = [
    useQuery(latestRuns({ kind: "backup", state: "running,paused,pending" }, MOST)).data ?? [],
    useQuery(latestRuns({ kind: "copy", state: "running,paused,pending" }, MOST)).data ?? [],
  ].flat();
  const runs = new Map(under.flatMap((run) => (run.plan ? [[run.plan.id, run] as const] : [])));
  const standings = new Map(overview.plans.map((standing) => [standing.plan.id, standing]));
  const named = {
    sources: new Map(useQuery(sources()).data?.map(({ id, name }) => [id, name])),
    destinations: new Map(useQuery(destinations()).data?.map(({ id, name }) => [id, name])),
  };
  const factsOf = (plan: Plan): Fact[] => [
    [texts.plans.schedule, describeSchedule(plan.schedule, texts.plan, language)],
    plan.copy
      ? [texts.plan.copies.from, named.destinations.get(plan.copy.from) ?? "…"]
      : [texts.pages.sources, listed(plan.sources.map((id) => named.sources.get(id) ?? "…"))],
    [texts.pages.destinations, listed(plan.destinations.map((id) => named.destinations.get(id) ?? "…"))],
  ];
  return (
    <ul className="divide-y divide-line rounded-lg border border-line bg-card">
      {plans.map((plan) => {
        const standing = standings.get(plan.id);
        return (
          standing && (
            <li key={plan.id} className="p-4">
              <PlanRow
                standing={standing}
                plan={plan}
                dates={overview.days}
                run={runs.get(plan.id)}
                heading="h2"
                facts={factsOf(plan)}
              >
                <Turn plan={plan} />
              </PlanRow>
            </li>
          )
        );
      })}
    </ul>
  );
}

function Turn({ plan }: { plan: Plan }) {
  return useMay("editPlans", plan.project) && <TurnPlan plan={plan} tone="quiet" />;
}
