import type { ReactNode } from "react";

import type { Overview } from "../../api/queries";
import { percent, size } from "../../lib/format";
import { nextDue, proven, tallyOf } from "../../lib/verdict";
import { useSpeech } from "../../texts";
import { When } from "../When";

/** The figures that all plans and repositories come to. */
export function Figures({ overview }: { overview: Overview }) {
  const { texts, language } = useSpeech();
  const { plans, storage } = overview;
  const next = nextDue(plans);
  const { good, all } = tallyOf(plans);
  const restored = plans.map((plan) => proven({ restored: plan.restored ?? null })?.time).filter((time) => time !== undefined);
  const lastRestore = restored.sort().at(-1);
  const figures: [string, ReactNode][] = [
    [texts.overview.protected, size(overview.protected_bytes, language)],
    [texts.overview.lastBackup, <When key="last" time={overview.last_backup} />],
    [texts.overview.next, next ? <When key="next" time={next} /> : "–"],
    [texts.overview.success, all === 0 ? "–" : percent(good, all, language)],
    [texts.overview.stored, size(storage.reduce((sum, { stored }) => sum + stored, 0), language)],
    [texts.overview.lastRestore, <When key="restore" time={lastRestore} />],
  ];
  return (
    <dl className="grid grid-cols-2 gap-3 md:grid-cols-3 xl:grid-cols-6">
      {figures.map(([name, value]) => (
        <div key={name} className="rounded-lg border border-line bg-card p-4">
          <dt className="text-xs text-faint">{name}</dt>
          <dd className="mt-1 text-lg leading-6 font-semibold tabular-nums wrap-anywhere [&_time]:whitespace-normal">{value}</dd>
        </div>
      ))}
    </dl>
  );
}
