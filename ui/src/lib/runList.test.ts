import { expect, test } from "vitest";

import type { Run } from "../api/queries";
import { markAt, merged, NO_RUNS, TOP, type RunList } from "./runList";

/** The run that was asked for at a second. */
const run = (second: number, revision = 1) =>
  ({ id: `id ${second}`, created: moment(second), ended: moment(second + 1), revision }) as Run;
const moment = (second: number) => new Date(second * 1000).toISOString();
const span = (from: number, to: number) => Array.from({ length: from - to + 1 }, (_, place) => run(from - place));
const seconds = ({ runs }: RunList) => runs.map(({ created }) => Date.parse(created) / 1000);
const down = (from: number, to: number) => span(from, to).map(({ created }) => Date.parse(created) / 1000);

const first = merged(NO_RUNS, TOP, { items: span(100, 91), next: "91" }, 1);
const both = merged(first, "91", { items: span(90, 81), next: "81" }, 2);

test("pages follow each other", () => {
  expect(seconds(both)).toEqual(down(100, 81));
  expect(both.next).toBe("81");
  const all = merged(both, "81", { items: span(80, 79) }, 3);
  expect(seconds(all)).toEqual(down(100, 79));
  expect(all.next).toBeUndefined();
});

test("new runs push nothing out", () => {
  const later = merged(both, TOP, { items: span(103, 94), next: "94" }, 3);
  expect(seconds(later)).toEqual(down(103, 81));
  expect(later.next).toBe("81");
  expect(later.marks.map(({ cursor }) => cursor)).toEqual([TOP, "91"]);
});

test("where a whole page is new, the list begins anew", () => {
  const later = merged(both, TOP, { items: span(120, 111), next: "111" }, 3);
  expect(seconds(later)).toEqual(down(120, 111));
  expect(later.next).toBe("111");
  expect(later.marks.map(({ cursor }) => cursor)).toEqual([TOP]);
});

test("a piece is asked for again: runs that are gone go, those that are as they were are the same", () => {
  const items = [run(90), run(89, 2), ...span(87, 80)];
  const later = merged(both, "91", { items, next: "80" }, 3);
  expect(seconds(later)).toEqual([...down(100, 89), ...down(87, 80)]);
  expect(later.runs[10]).toBe(both.runs[10]);
  expect(later.runs[11]?.revision).toBe(2);
  expect(later.next).toBe("80");
});

test("what was asked for before the list began anew changes nothing", () => {
  const anew = merged(both, TOP, { items: span(120, 111), next: "111" }, 3);
  expect(merged(anew, "91", { items: span(90, 81), next: "81" }, 4)).toBe(anew);
});

test("a list that has become empty is empty", () => {
  expect(merged(both, TOP, { items: [] }, 3)).toMatchObject({ runs: [], next: undefined });
});

test("runs of one moment stand by their ids, however finely moments are told", () => {
  const at = (id: string, created: string) => ({ id, created, revision: 1 }) as Run;
  const runs = [at("a", "2026-01-01T00:00:00.12Z"), at("c", "2026-01-01T00:00:00.1Z"), at("b", "2026-01-01T00:00:00.100Z")];
  const list = merged(NO_RUNS, TOP, { items: runs, next: "b" }, 1);
  const more = [at("z", "2026-01-01T00:00:00Z")];
  const later = merged(merged(list, "b", { items: more }, 2), TOP, { items: runs, next: "b" }, 3);
  expect(later.runs.map(({ id }) => id)).toEqual(["a", "c", "b", "z"]);
});

test("the piece in which a run is", () => {
  expect(markAt(both, 0)?.cursor).toBe(TOP);
  expect(markAt(both, 9)?.cursor).toBe(TOP);
  expect(markAt(both, 10)?.cursor).toBe("91");
  expect(markAt(NO_RUNS, 0)).toBeUndefined();
});
