import { expect, it } from "vitest";

import type { Connection, KitState, Node, Plan } from "../api/queries";
import {
  concerns,
  healthOf,
  isFailing,
  lastGood,
  nextDue,
  proven,
  stripOf,
  tallyOf,
  type Fault,
  type PlanStanding,
  type StorageStanding,
} from "./verdict";

const NOW = Date.parse("2026-03-31T12:00:00Z");

const plan = (id: string, more: Partial<Plan> = {}) =>
  ({ id, name: id, enabled: true, created: "2026-01-01T00:00:00Z", ...more }) as Plan;
const node = (name: string, more: Partial<Node>) => ({ name, last_seen: "2026-03-31T12:00:00Z", ...more }) as Node;

const kit = (stale: boolean, issued?: string, project = "x"): KitState => ({
  project,
  repositories: 1,
  stale,
  ...(issued && { issued }),
});

type Source = PlanStanding["sources"][number];
const GOOD = { source: "s", run: "r", failed: false, errors: 0, bytes: 1, last_good: "2026-03-31T03:00:00Z" };
const standing = (id: string, sources: Partial<Source>[], more: Partial<PlanStanding> = {}): PlanStanding => ({
  plan: { id, name: id },
  project: "x",
  enabled: true,
  kind: "backup",
  sources: sources.map((source) => ({ ...GOOD, ...source })),
  days: [],
  faults: [],
  ...more,
});
const fault = (repository: string): Fault => ({
  repository,
  destination: { id: repository, name: repository },
  kind: "verify",
  run: "v",
  at: "2026-03-31T02:00:00Z",
  reason: "the check found 2 errors",
});
const place = (id: string, full?: string): StorageStanding => ({
  repository: id,
  destination: { id, name: id },
  project: "x",
  stored: 1,
  days: [],
  ...(full && { full }),
});
const NONE = { plans: [], storage: [] };

it("nothing needs anybody when all went well", () => {
  const standings = { plans: [standing("a", [{}])], storage: [place("d", "2027-03-31T12:00:00Z")] };
  expect(concerns(standings, [plan("a")], [], [node("n", {})], [kit(false, "2026-03-31T03:00:00Z")], NOW)).toEqual([]);
});

it("what went wrong last is told, of plans that are on", () => {
  const plans = [
    standing("failed", [{}, { failed: true, run: "f" }], { overdue_since: "2026-03-31T03:00:00Z" }),
    standing("overdue", [{}], { overdue_since: "2026-03-31T03:00:00Z" }),
    standing("partly", [{ errors: 3 }, { errors: 4 }]),
    standing("never", [{ run: null, last_good: null }]),
    standing("new", [{ run: null, last_good: null }]),
    standing("off", [{ failed: true }], { enabled: false }),
  ];
  const created = plans.map(({ plan: { id } }) => plan(id, id === "new" ? { created: "2026-03-31T11:00:00Z" } : {}));
  const found = concerns({ plans, storage: [place("d", "2026-04-02T12:00:00Z")] }, created, [], [], [kit(true)], NOW);
  expect(found.map(({ what }) => what)).toEqual(["failed", "overdue", "incomplete", "never", "kit", "full"]);
  expect(found[0]).toMatchObject({ run: "f" });
  expect(found[2]).toMatchObject({ errors: 7 });
});

it("damage is told of whatever the backups of the plan came to, place by place", () => {
  const plans = [
    standing("good", [{}], { faults: [fault("d"), fault("e")] }),
    standing("failed", [{ failed: true, run: "f" }], { faults: [fault("d")] }),
    standing("off", [{}], { enabled: false, faults: [fault("d")] }),
  ];
  const found = concerns({ plans, storage: [] }, [], [], [], [], NOW);
  expect(found.map(({ what }) => what)).toEqual(["damaged", "damaged", "damaged", "failed"]);
  expect(found[0]).toMatchObject({ plan: { id: "good" }, fault: { run: "v", reason: "the check found 2 errors" } });
  expect(plans.map(healthOf)).toEqual(["failed", "failed", "off"]);
  expect(plans.every(isFailing)).toBe(true);
});

it("a recovery kit that is missing weighs more than one that is stale, and together they are one thing", () => {
  const issued = "2026-03-31T03:00:00Z";
  const kept = { plans: [standing("a", [{}])], storage: [] };
  const told = (...kits: KitState[]) => concerns(kept, [], [], [], kits, NOW);
  expect(told(kit(true, issued), kit(true), kit(false, issued))).toEqual([{ what: "kit", isStale: false }]);
  expect(told(kit(true, issued), kit(false))).toEqual([{ what: "kit", isStale: true }]);
  expect(told(kit(false, issued), kit(false))).toEqual([]);
  // Where nothing was backed up there is nothing to recover.
  expect(told(kit(true, undefined, "y"))).toEqual([]);
  expect(concerns(NONE, [], [], [], [kit(true)], NOW)).toEqual([]);
  expect(concerns({ plans: [], storage: [place("d")] }, [], [], [], [kit(true)], NOW)).toEqual([{ what: "kit", isStale: false }]);
});

it("what was verified or restored last proves a plan", () => {
  const [verified, restored] = ["2026-03-02T00:00:00Z", "2026-03-01T00:00:00Z"];
  expect(proven({ verified, restored })).toEqual({ time: verified, by: "verified" });
  expect(proven({ restored })).toEqual({ time: restored, by: "restored" });
  expect(proven({})).toBeUndefined();
});

it("all plans together: the next that is due, the last backup, and how many went well", () => {
  const days = [
    { completed: 3, with_errors: 1, failed: 0, missed: 5 },
    { completed: 1, with_errors: 0, failed: 1, missed: 0 },
  ];
  const plans = [standing("a", [{}], { days, next: "2026-04-02T00:00:00Z" }), standing("b", [], { next: "2026-04-01T00:00:00Z" })];
  expect(nextDue(plans)).toBe("2026-04-01T00:00:00Z");
  expect(plans.map(lastGood)).toEqual(["2026-03-31T03:00:00Z", undefined]);
  expect(tallyOf(plans)).toEqual({ good: 4, all: 6 });
  expect(stripOf({ ...standing("a", []), days }, ["2026-03-30T00:00:00Z", "2026-03-31T00:00:00Z"])).toEqual([
    { day: "2026-03-30", good: 3, partly: 1, bad: 5 },
    { day: "2026-03-31", good: 1, partly: 0, bad: 1 },
  ]);
});

it("connections that fail and nodes in trouble are told", () => {
  const connections = [
    { name: "a", status: { health: "failing" } },
    { name: "b", status: { health: "valid" } },
  ] as Connection[];
  const nodes = [
    node("trouble", { trouble: "its clock is wrong" }),
    node("silent", { last_seen: "2026-03-31T11:00:00Z" }),
    node("gone", { last_seen: "2026-03-01T11:00:00Z", revoked: true }),
  ];
  const found = concerns(NONE, [], connections, nodes, [], NOW);
  expect(found.map(({ what }) => what)).toEqual(["connection", "trouble", "silent"]);
});

it("how a plan stands is told in one word, the gravest first", () => {
  const overdue_since = "2026-03-31T03:00:00Z";
  const stands = [
    standing("good", [{}]),
    standing("failed", [{}, { failed: true }], { overdue_since }),
    standing("overdue", [{ errors: 2 }], { overdue_since }),
    standing("partly", [{ errors: 2 }, { last_good: null }]),
    standing("never", [{}, { run: null, last_good: null }]),
    standing("off", [{ failed: true }], { enabled: false }),
  ];
  expect(stands.map(healthOf)).toEqual(["good", "failed", "overdue", "partly", "never", "off"]);
  expect(stands.filter(isFailing).map(({ plan }) => plan.id)).toEqual(["failed", "off"]);
});
