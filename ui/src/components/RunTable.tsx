import { Link } from "@tanstack/react-router";
import { memo } from "react";

import type { Run } from "../api/queries";
import { duration, moment, size } from "../lib/format";
import { useSpeech } from "../texts";
import type { Texts } from "../texts/en";
import { RunBadge } from "./RunBadge";
import { When } from "./When";

/** How long a run took in seconds; until now when it is not over. */
export function secondsOf(run: Run, now = Date.now()): number | undefined {
  if (!run.started) {
    return undefined;
  }
  return Math.max(0, ((run.ended ? Date.parse(run.ended) : now) - Date.parse(run.started)) / 1000);
}

/** The bytes it has gone through. */
export const bytesOf = (run: Run): number => run.outcome?.bytes ?? run.progress?.bytes ?? 0;

/** What a run is called in lists. */
export function titleOf(run: Run, texts: Texts): string {
  return `${texts.kinds[run.kind]} – ${run.plan?.name ?? texts.runs.unplanned}`;
}

const CELL = "px-3 py-2 align-top";

/** Runs with their figures; on narrow screens each is a card. */
export function RunTable({ runs }: { runs: Run[] }) {
  return (
    <RunFrame>
      {runs.map((run) => (
        <RunRow key={run.id} run={run} />
      ))}
    </RunFrame>
  );
}

/** The table around rows of runs. Where only some of its rows are in the page, columns are as wide whichever these are. */
export function RunFrame({ isSteady = false, children }: { isSteady?: boolean; children: React.ReactNode }) {
  const { texts } = useSpeech();
  const heads = [
    [texts.runs.state, "lg:w-32"],
    [texts.runs.plan, ""],
    [texts.runs.source, ""],
    [texts.runs.destination, ""],
    [texts.runs.started, "lg:w-34"],
    [texts.runs.ended, "lg:w-24"],
    [texts.runs.duration, "lg:w-24"],
    [texts.runs.size, "lg:w-24"],
    [texts.runs.rate, "lg:w-28"],
  ] as const;
  return (
    <div className="rounded-lg border border-line bg-card lg:overflow-x-auto">
      <table className={`w-full text-sm max-lg:block ${isSteady ? "lg:min-w-4xl lg:table-fixed" : ""}`} {...(isSteady && { "aria-rowcount": -1 })}>
        <thead className="border-b border-line text-left text-xs text-faint max-lg:sr-only">
          <tr>
            {heads.map(([head, width]) => (
              <th key={head} scope="col" className={`${CELL} font-semibold ${isSteady ? width : ""}`}>
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className="divide-y divide-line max-lg:block">{children}</tbody>
      </table>
    </div>
  );
}

type RowProps = { run: Run; index?: number; measure?: (row: HTMLTableRowElement | null) => void };

/** A run in a table; its place there is told where not all rows are. */
export const RunRow = memo(function RunRow({ run, index, measure }: RowProps) {
  const { texts, language } = useSpeech();
  const seconds = secondsOf(run);
  const bytes = bytesOf(run);
  const figures: [string, React.ReactNode][] = [
    [texts.runs.source, run.source?.name ?? "–"],
    [texts.runs.destination, run.destinations?.map(({ name }) => name).join(", ") || "–"],
    [texts.runs.started, <When key="s" time={run.started ?? run.created} />],
    [texts.runs.ended, run.ended ? endOf(run, language) : "–"],
    [texts.runs.duration, seconds === undefined ? "–" : duration(seconds, language)],
    [texts.runs.size, bytes === 0 ? "–" : size(bytes, language)],
    [texts.runs.rate, bytes === 0 || !seconds ? "–" : `${size(bytes / seconds, language)}/s`],
  ];
  return (
    <tr
      ref={measure}
      {...(index !== undefined && { "data-index": index, "aria-rowindex": index + 2 })}
      className="hover:bg-raised max-lg:grid max-lg:grid-cols-2 max-lg:gap-x-3 max-lg:p-2"
    >
      <td className={`${CELL} max-lg:order-2 max-lg:text-right`}>
        <RunBadge run={run} />
      </td>
      <td className={`${CELL} max-lg:order-1`}>
        <Link to="/runs/$id" params={{ id: run.id }} className="font-semibold text-accent wrap-anywhere hover:underline">
          {run.plan?.name ?? texts.runs.unplanned}
        </Link>
        <div className="text-xs text-faint">{texts.kinds[run.kind]}</div>
      </td>
      {figures.map(([head, value]) => (
        <td key={head} className={`${CELL} wrap-anywhere tabular-nums max-lg:order-3 max-lg:py-0.5`}>
          <span aria-hidden className="mr-2 text-xs text-faint lg:hidden">
            {head}
          </span>
          {value}
        </td>
      ))}
    </tr>
  );
});

/** When a run ended: the time alone, where it is the day that it began on. */
function endOf(run: Run, language: string): string {
  const [begun, ended] = [new Date(run.started ?? run.created), new Date(run.ended ?? run.created)];
  return begun.toDateString() === ended.toDateString()
    ? ended.toLocaleTimeString(language, { timeStyle: "short" })
    : moment(ended.toISOString(), language);
}
