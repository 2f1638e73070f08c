import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";

import type { Plan, Run } from "../api/queries";
import { healthOf, lastGood, proven, stripOf, type PlanStanding } from "../lib/verdict";
import { useTexts } from "../texts";
import type { Fact } from "./Facts";
import { Name } from "./Name";
import { PlanHealth } from "./PlanHealth";
import { RestoreLatest } from "./restore/RestoreLatest";
import { RunBadge } from "./RunBadge";
import { RunNow } from "./RunNow";
import { Strip } from "./Strip";
import { When } from "./When";

type Props = {
  standing: PlanStanding;
  /** Nothing while it is not known. */
  plan: Plan | undefined;
  /** The days that it is told of. */
  dates: readonly string[];
  /** A backup of it that is under way. */
  run?: Run | undefined;
  /** Which heading its name is, below the one of the list. */
  heading: "h2" | "h3";
  facts?: readonly Fact[];
  children?: ReactNode;
};

/** A plan in a list: how it stands, when it ran and is due, and thirty days of it. */
export function PlanRow({ standing, plan, dates, run, heading: Heading, facts = [], children }: Props) {
  const texts = useTexts();
  const { name, id } = standing.plan;
  const last = lastGood(standing);
  const told: readonly Fact[] = [
    [standing.kind === "copy" ? texts.overview.lastCopy : texts.overview.lastBackup, <When key="last" time={last} />],
    [texts.plans.next, <Next key="next" standing={standing} />],
    [texts.overview.proven, <Proven key="proven" standing={standing} />],
    ...facts,
  ];
  return (
    <>
      <div className="flex flex-wrap items-center justify-between gap-x-3 gap-y-1">
        <div className="flex min-w-0 grow basis-72 flex-wrap items-center gap-x-3">
          <Heading className="font-semibold wrap-anywhere">
            <Link to="/plans/$id" params={{ id }} className="text-accent hover:underline">
              <Name>{name}</Name>
            </Link>
          </Heading>
          {run ? (
            <Link to="/runs/$id" params={{ id: run.id }} className="hover:underline">
              <RunBadge run={run} />
            </Link>
          ) : (
            <PlanHealth health={healthOf(standing)} />
          )}
        </div>
        {plan && (
          <span className="-mx-3 flex flex-wrap items-center">
            <RunNow plan={plan} tone="quiet" />
            {last !== undefined && <RestoreLatest plan={plan} tone="quiet" />}
            {children}
          </span>
        )}
      </div>
      <dl className="mt-1 mb-3 grid grid-cols-[repeat(auto-fit,minmax(8rem,1fr))] gap-x-4 gap-y-2 text-xs">
        {told.map(([name, value]) => (
          <div key={name} className="min-w-0">
            <dt className="text-faint">{name}</dt>
            <dd className="wrap-anywhere">{value}</dd>
          </div>
        ))}
      </dl>
      <Strip days={stripOf(standing, dates)} />
    </>
  );
}

function Next({ standing: { enabled, next } }: { standing: PlanStanding }) {
  const words = useTexts().overview;
  if (!enabled) {
    return words.disabled;
  }
  return next ? <When time={next} /> : words.noSchedule;
}

function Proven({ standing }: { standing: PlanStanding }) {
  const words = useTexts().overview;
  const [fault] = standing.faults;
  if (fault !== undefined) {
    return (
      <Link to="/runs/$id" params={{ id: fault.run }} className="text-bad hover:underline">
        {words.faultBy[fault.kind === "restore" ? "restore" : "verify"]} <When time={fault.at} />
      </Link>
    );
  }
  const proof = proven(standing);
  if (proof === undefined) {
    return <span className="text-warn">{words.notProven}</span>;
  }
  return (
    <>
      {words.by[proof.by]} <When time={proof.time} />
    </>
  );
}
