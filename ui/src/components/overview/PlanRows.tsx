import { Link } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";

import type { Overview, Plan } from "../../api/queries";
import { lastGood, proven, stripOf, type PlanStanding } from "../../lib/verdict";
import { useTexts } from "../../texts";
import { Button, Card, Empty } from "../basics";
import { RestoreLatest } from "../restore/RestoreLatest";
import { RunNow } from "../RunNow";
import { Strip } from "../Strip";
import { When } from "../When";
import { Name } from "../Name";

/** So many plans are shown at first. */
const FIRST = 20;

/** How each plan stands, with thirty days of it. */
export function PlanRows({ overview, plans }: { overview: Overview; plans: readonly Plan[] }) {
  const texts = useTexts();
  const [all, setAll] = useState(false);
  const known = new Map(plans.map((plan) => [plan.id, plan]));
  if (overview.plans.length === 0) {
    return <Empty title={texts.plans.none} hint={texts.plans.noneHint} />;
  }
  return (
    <Card title={`${texts.pages.plans} – ${texts.overview.last30}`}>
      <ul className="flex flex-col gap-5">
        {overview.plans.slice(0, all ? undefined : FIRST).map((standing) => (
          <li key={standing.plan.id}>
            <Row standing={standing} plan={known.get(standing.plan.id)} dates={overview.days} />
          </li>
        ))}
      </ul>
      {!all && overview.plans.length > FIRST && (
        <Button className="mt-4" onClick={() => setAll(true)}>
          {texts.overview.showAll(overview.plans.length)}
        </Button>
      )}
    </Card>
  );
}

function Row({ standing, plan, dates }: { standing: PlanStanding; plan: Plan | undefined; dates: readonly string[] }) {
  const texts = useTexts();
  const last = lastGood(standing);
  const proof = proven(standing);
  const facts: [string, ReactNode][] = [
    [texts.overview.lastBackup, <When key="last" time={last} />],
    [
      texts.plans.next,
      !standing.enabled ? texts.overview.disabled : standing.next ? <When key="next" time={standing.next} /> : texts.overview.noSchedule,
    ],
    [
      texts.overview.proven,
      proof ? (
        <>
          {texts.overview.by[proof.by]} <When time={proof.time} />
        </>
      ) : (
        <span className="text-warn">{texts.overview.notProven}</span>
      ),
    ],
  ];
  return (
    <>
      <div className="flex flex-wrap items-center justify-between gap-x-3 gap-y-2">
        <Link
          to="/runs"
          search={{ plan: standing.plan.id }}
          className="min-w-0 grow basis-28 font-semibold text-accent wrap-anywhere hover:underline"
        >
          <Name>{standing.plan.name}</Name>
        </Link>
        {plan && (
          <span className="flex flex-wrap items-center gap-2">
            <RunNow plan={plan} />
            {last !== undefined && <RestoreLatest plan={plan} />}
          </span>
        )}
      </div>
      <dl className="my-2 flex flex-wrap gap-x-5 gap-y-1 text-xs">
        {facts.map(([name, value]) => (
          <div key={name} className="flex gap-1.5">
            <dt className="text-faint">{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <Strip days={stripOf(standing, dates)} />
    </>
  );
}
