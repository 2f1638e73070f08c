import { Link } from "@tanstack/react-router";
import { memo } from "react";

import type { Run } from "../api/queries";
import { duration, moment, size } from "../lib/format";
import { useSpeech, useTexts } from "../texts";
import type { Texts } from "../texts/en";
import { isolated, listed } from "../lib/shown";
import { Name } from "./Name";
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

/** The bytes that were stored for it, once that is known: of an archive all that it has. */
export const addedOf = ({ kind, outcome }: Run): number | undefined =>
  kind === "backup" || kind === "copy" ? outcome?.bytes_added : undefined;

/** What a run is called in lists. */
export function titleOf(run: Run, texts: Texts): string {
  const kind = texts.kinds[run.kind];
  return run.plan ? `${kind} – ${isolated(run.plan.name)}` : kind;
}

const CELL = "px-3 py-2 align-top";

/** Runs with their figures; on narrow screens each is a card. */
export function RunTable({ runs }: { runs: Run[] }) {
  const texts = useTexts();
  const heads = [
    texts.runs.state,
    texts.runs.plan,
    texts.runs.source,
    texts.runs.destination,
    texts.runs.started,
    texts.runs.ended,
    texts.runs.duration,
    texts.runs.size,
    texts.runs.rate,
  ];
  return (
    <div className="rounded-lg border border-line bg-card lg:overflow-x-auto">
      <table className="w-full text-sm max-lg:block">
        <thead className="border-b border-line text-left text-xs text-faint max-lg:sr-only">
          <tr>
            {heads.map((head) => (
              <th key={head} scope="col" className={`${CELL} font-semibold`}>
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className="divide-y divide-line max-lg:block">
          {runs.map((run) => (
            <RunRow key={run.id} run={run} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** What a run reads: a source, or the destination that it copies from. */
function Source({ run }: { run: Run }) {
  const read = run.source ?? run.from;
  return read ? <Name>{read.name}</Name> : "–";
}

/** A run in the table; only those that changed are drawn anew. */
const RunRow = memo(function RunRow({ run }: { run: Run }) {
  const { texts, language } = useSpeech();
  const seconds = secondsOf(run);
  const bytes = bytesOf(run);
  const names: [string, React.ReactNode][] = [
    [texts.runs.source, <Source key="source" run={run} />],
    [texts.runs.destination, listed(run.destinations?.map(({ name }) => name) ?? []) || "–"],
  ];
  const figures: [string, React.ReactNode][] = [
    [texts.runs.started, <When key="s" time={run.started ?? run.created} />],
    [texts.runs.ended, run.ended ? endOf(run, language) : "–"],
    [texts.runs.duration, seconds === undefined ? "–" : duration(seconds, language)],
    [texts.runs.size, <Sizes key="b" bytes={bytes} added={addedOf(run)} />],
    [texts.runs.rate, bytes === 0 || !seconds ? "–" : `${size(bytes / seconds, language)}/s`],
  ];
  return (
    <tr className="hover:bg-raised max-lg:grid max-lg:grid-cols-2 max-lg:gap-x-3 max-lg:p-2">
      <td className={`${CELL} max-lg:order-2 max-lg:text-right`}>
        <RunBadge run={run} />
      </td>
      <td className={`${CELL} max-lg:order-1`}>
        <Link to="/runs/$id" params={{ id: run.id }} className="font-semibold text-accent wrap-anywhere hover:underline">
          {run.plan ? <Name>{run.plan.name}</Name> : texts.kinds[run.kind]}
        </Link>
        <div className="text-xs text-faint">{run.plan ? texts.kinds[run.kind] : texts.runs.unplanned}</div>
      </td>
      {[...names, ...figures].map(([head, value], place) => (
        <td
          key={head}
          className={`${CELL} tabular-nums max-lg:order-3 max-lg:py-0.5 ${place < names.length ? "wrap-anywhere" : "whitespace-nowrap"}`}
        >
          <span aria-hidden className="block text-xs text-faint lg:hidden">
            {head}
          </span>
          {value}
        </td>
      ))}
    </tr>
  );
});

/** What a run has gone through, and what of it was stored. */
function Sizes({ bytes, added }: { bytes: number; added: number | undefined }) {
  const { texts, language } = useSpeech();
  return (
    <>
      {bytes === 0 ? "–" : size(bytes, language)}
      {added !== undefined && <span className="block text-xs text-faint">{texts.runs.addedThere(size(added, language))}</span>}
    </>
  );
}

/** When a run ended: the time alone, where it is the day that it began on. */
function endOf(run: Run, language: string): string {
  const [begun, ended] = [new Date(run.started ?? run.created), new Date(run.ended ?? run.created)];
  return begun.toDateString() === ended.toDateString()
    ? ended.toLocaleTimeString(language, { timeStyle: "short" })
    : moment(ended.toISOString(), language);
}
