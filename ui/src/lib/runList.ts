// The part of a list of runs that a page holds: from the newest one down to some place, without gaps. Any piece of it can be asked
// for again, by where it begins.

import type { Run } from "../api/queries";

export type RunPage = { items: readonly Run[]; next?: string | null | undefined };

/** Where a piece begins: what the server calls the place, the last run before it, and when it was asked for. */
export type Mark = { cursor: string; before: Run | undefined; asked: number };

export type RunList = {
  runs: readonly Run[];
  /** In order; the first is where the list begins. */
  marks: readonly Mark[];
  /** Where it goes on; none at its end. */
  next: string | undefined;
};

/** Where the newest run is. */
export const TOP = "";

export const NO_RUNS: RunList = { runs: [], marks: [], next: TOP };

/** When a run was asked for, so that texts sort as moments do. */
const moment = ({ created }: Run) => created.slice(0, 19) + created.slice(20, -1).padEnd(9, "0");

/** Whether a run stands below another one: asked for earlier, or at the same moment and with a lower id. */
function isBelow(one: Run, other: Run): boolean {
  const [mine, theirs] = [moment(one), moment(other)];
  return mine === theirs ? one.id < other.id : mine < theirs;
}

/** The place of the first run below one. */
function placeBelow(runs: readonly Run[], run: Run): number {
  let [low, high] = [0, runs.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const at = runs[middle];
    if (at !== undefined && isBelow(at, run)) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

/** The mark of the piece that a place is in. */
export function markAt({ runs, marks }: RunList, place: number): Mark | undefined {
  const run = runs[place];
  return marks.findLast(({ before }) => before === undefined || (run !== undefined && isBelow(run, before)));
}

/**
 * A list with what the server has given for a cursor of it, where that is still one of its. Runs that are over and as they were
 * stay the same objects.
 */
export function merged(list: RunList, cursor: string, page: RunPage, asked: number): RunList {
  const mark = list.marks.find((mark) => mark.cursor === cursor);
  if (mark === undefined && cursor !== list.next) {
    return list;
  }
  const before = mark === undefined ? list.runs.at(-1) : mark.before;
  const last = page.items.at(-1);
  const from = before === undefined ? 0 : placeBelow(list.runs, before);
  const to = page.next == null || last === undefined ? list.runs.length : placeBelow(list.runs, last);
  // Where all runs are new ones, what lies between them and those that are known is not known.
  const rest = to > from ? list.runs.slice(to) : [];
  const known = new Map(list.runs.slice(from, to).map((run) => [run.id, run]));
  const items = page.items.map((run) => {
    const same = known.get(run.id);
    return same?.ended && same.revision === run.revision ? same : run;
  });
  const runs = [...list.runs.slice(0, from), ...items, ...rest];
  const end = runs.at(-1);
  const news = { cursor, before, asked };
  const marks = mark === undefined ? [...list.marks, news] : list.marks.map((other) => (other === mark ? news : other));
  return {
    runs,
    marks: marks.filter(({ before }) => before === undefined || (end !== undefined && !isBelow(before, end))),
    next: rest.length > 0 ? list.next : (page.next ?? undefined),
  };
}
