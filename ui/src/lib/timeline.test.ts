import { expect, it } from "vitest";

import type { Snapshot } from "../api/snapshots";
import { copierOf, countByDay, groupsOf, isHeld, line, narrowed, ownTags, planOf } from "./timeline";

const PLAN = "01900000-0000-7000-8000-000000000001";
const OTHER = "01900000-0000-7000-8000-0000000000c0";

function snapshot(time: string, more: Partial<Snapshot> = {}): Snapshot {
  return { id: time, repository: "r", time, host: "web", paths: ["/srv"], tags: [], ...more };
}

const all = [
  snapshot("2026-03-04T12:00:00Z", { tags: [`plan:${PLAN}`, "hold", "before upgrade"] }),
  snapshot("2026-03-04T11:00:00Z", { host: "db" }),
  snapshot("2026-03-01T12:00:00Z", { paths: ["/srv", "/etc"] }),
  snapshot("2026-03-01T11:00:00Z"),
];

it("snapshots of the same paths of the same host are one group", () => {
  expect(groupsOf(all).map(({ host, paths, snapshots }) => [host, paths.length, snapshots.length])).toEqual([
    ["web", 1, 2],
    ["db", 1, 1],
    ["web", 2, 1],
  ]);
});

it("a line has every day between the first and the last snapshot, and no more than ten years", () => {
  expect(line(all)).toEqual(["2026-03-01", "2026-03-02", "2026-03-03", "2026-03-04"]);
  expect(line([])).toEqual([]);
  expect(line([...all, snapshot("1970-01-01T12:00:00Z")])).toHaveLength(3660);
  expect([...countByDay(all)]).toEqual([["2026-03-04", 2], ["2026-03-01", 2]]);
});

it("what a snapshot's tags say", () => {
  expect(planOf(all[0] ?? snapshot(""))).toBe(PLAN);
  expect(planOf(snapshot("", { tags: ["plan:nonsense"] }))).toBeUndefined();
  const copy = snapshot("", { tags: [`plan:${PLAN}`, `copy:${OTHER}`, "mine"] });
  expect([planOf(copy), copierOf(copy), ownTags(copy)]).toEqual([PLAN, OTHER, ["mine"]]);
  expect(copierOf(all[0] ?? snapshot(""))).toBeUndefined();
  expect(isHeld(snapshot("", { tags: ["hold"] }))).toBe(true);
  expect(ownTags(snapshot("", { tags: [`plan:${PLAN}`, "hold", "log-base:1:2:3", "before upgrade"] }))).toEqual(["before upgrade"]);
});

it("a filter narrows by all that it says", () => {
  expect(narrowed(all, {})).toHaveLength(4);
  expect(narrowed(all, { host: "web", paths: ["/srv"] })).toHaveLength(2);
  expect(narrowed(all, { day: "2026-03-01" })).toHaveLength(2);
  expect(narrowed(all, { plan: PLAN, day: "2026-03-01" })).toHaveLength(0);
});
