// The log of a run as a page holds it: whole, in order, and without gaps.

import { answer, api, type Schemas } from "../api/client";

export type Line = Schemas["LogLine"];

const AT_ONCE = 2000;

/** Lines after `last`, all there are now, each page as it comes. */
export async function readOn(run: string, last: number, take: (lines: Line[]) => void): Promise<number> {
  let after = last;
  for (;;) {
    const query = { after, limit: AT_ONCE };
    const { items } = await answer(api.GET("/api/v1/runs/{id}/log", { params: { path: { id: run }, query } }));
    const newest = items.at(-1);
    if (newest === undefined) {
      return after;
    }
    take(items);
    after = newest.number;
    if (items.length < AT_ONCE) {
      return after;
    }
  }
}

/** Lines with those that follow them. What came by two questions at once stands there once. */
export function joined(before: readonly Line[], more: readonly Line[]): readonly Line[] {
  const last = before.at(-1)?.number ?? 0;
  const news = more.filter(({ number }) => number > last);
  return news.length === 0 ? before : [...before, ...news];
}

const LEVELS = ["debug", "info", "warning", "error"] as const;

/** The lines of a level and above that have a text in them. */
export function chosen(lines: readonly Line[], least: Line["level"], text: string): readonly Line[] {
  const from = LEVELS.indexOf(least);
  const wanted = text.toLowerCase();
  if (from === 0 && wanted === "") {
    return lines;
  }
  return lines.filter(
    (line) =>
      LEVELS.indexOf(line.level) >= from &&
      (wanted === "" || line.text.toLowerCase().includes(wanted) || line.step.toLowerCase().includes(wanted)),
  );
}

/** A line as it is copied and downloaded. */
export const plain = ({ time, level, step, text }: Line): string => `${time} ${level.padEnd(7)} ${step}: ${text}`;
