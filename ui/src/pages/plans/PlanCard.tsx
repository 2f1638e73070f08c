import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { destinations, latestRuns, sources, upcoming, type Plan } from "../../api/queries";
import { useMay } from "../../api/roles";
import { RunBadge } from "../../components/RunBadge";
import { RestoreLatest } from "../../components/restore/RestoreLatest";
import { RunNow } from "../../components/RunNow";
import { useSeen } from "../../components/useSeen";
import { When } from "../../components/When";
import { moment } from "../../lib/format";
import { describeSchedule } from "../../lib/plan/describe";
import { useSpeech } from "../../texts";
import { TurnPlan } from "./TurnPlan";
import { Name } from "../../components/Name";
import { listed } from "../../lib/shown";

/** A plan in a list of many: what is asked for it alone is asked while it is in sight. */
export function PlanCard({ plan }: { plan: Plan }) {
  const { texts, language } = useSpeech();
  const [place, seen] = useSeen<HTMLElement>();
  const mayEdit = useMay("editPlans", plan.project);
  const { data: schedule } = useQuery({ ...upcoming(plan.id), enabled: seen });
  const { data: last } = useQuery({ ...latestRuns({ plan: plan.id, kind: "backup" }, 1), enabled: seen });
  const names = {
    sources: new Map(useQuery(sources()).data?.map(({ id, name }) => [id, name])),
    destinations: new Map(useQuery(destinations()).data?.map(({ id, name }) => [id, name])),
  };
  const isOn = plan.enabled !== false;
  const next = schedule?.next[0];
  const run = last?.[0];
  const facts: [string, React.ReactNode][] = [
    [texts.pages.sources, listed(plan.sources.map((id) => names.sources.get(id) ?? "…"))],
    [texts.pages.destinations, listed(plan.destinations.map((id) => names.destinations.get(id) ?? "…"))],
    [texts.plans.schedule, describeSchedule(plan.schedule, texts.plan, language)],
    [
      texts.plans.next,
      !isOn ? texts.overview.disabled : next ? moment(next, language) : schedule ? texts.overview.noSchedule : "…",
    ],
    [
      texts.plan.last,
      run ? (
        <Link key="last" to="/runs/$id" params={{ id: run.id }} className="inline-flex flex-wrap gap-x-2 hover:underline">
          <RunBadge run={run} />
          <When time={run.ended ?? run.started ?? run.created} />
        </Link>
      ) : last ? (
        texts.time.never
      ) : (
        "…"
      ),
    ],
  ];
  return (
    <section ref={place} className="flex h-full flex-col rounded-lg border border-line bg-card p-4">
      <h2 className="mb-3 text-base font-semibold">
        <Link to="/plans/$id" params={{ id: plan.id }} className="text-accent wrap-anywhere hover:underline">
          <Name>{plan.name}</Name>
        </Link>
      </h2>
      <dl className="mb-4 grid grow grid-cols-2 content-start gap-3 text-sm">
        {facts.map(([name, value]) => (
          <div key={name} className="min-w-0">
            <dt className="text-xs text-faint">{name}</dt>
            <dd className="wrap-anywhere">{value}</dd>
          </div>
        ))}
      </dl>
      <div className="flex flex-wrap gap-2">
        <RunNow plan={plan} />
        <RestoreLatest plan={plan} />
        {mayEdit && <TurnPlan plan={plan} />}
      </div>
    </section>
  );
}
