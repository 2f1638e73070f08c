import { expect, it } from "vitest";

import type { Connection, Node, Plan, Run } from "../api/queries";
import { concerns, strip } from "./verdict";

const NOW = Date.parse("2026-03-31T12:00:00Z");

const plan = (id: string, more: Partial<Plan> = {}) =>
  ({ id, name: id, enabled: true, created: "2026-01-01T00:00:00Z", ...more }) as Plan;
const run = (plan: string, state: Run["state"], more: Partial<Run> = {}) =>
  ({ plan: { id: plan, name: plan }, state, ended: "2026-03-31T10:00:00Z", ...more }) as Run;
const node = (name: string, more: Partial<Node>) => ({ name, last_seen: "2026-03-31T12:00:00Z", ...more }) as Node;

it("nothing needs anybody when all went well", () => {
  const runs = [run("a", "running"), run("a", "completed"), run("a", "failed")];
  expect(concerns([plan("a")], runs, [], [node("n", {})], NOW)).toEqual([]);
});

it("what went wrong last is told, of plans that are on", () => {
  const runs = [run("failed", "failed"), run("partly", "completed", { outcome: { errors: 3 } })];
  const plans = [
    plan("failed"),
    plan("partly"),
    plan("never"),
    plan("new", { created: "2026-03-31T11:00:00Z" }),
    plan("off", { enabled: false }),
  ];
  const found = concerns(plans, runs, [], [], NOW);
  expect(found.map(({ what }) => what)).toEqual(["failed", "incomplete", "never"]);
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
  const found = concerns([], [], connections, nodes, NOW);
  expect(found.map(({ what }) => what)).toEqual(["connection", "trouble", "silent"]);
});

it("a strip has each day once, empty ones too", () => {
  const runs = [
    run("a", "completed"),
    run("a", "failed"),
    run("a", "completed", { ended: "2026-03-01T10:00:00Z" }),
    run("a", "running", { ended: null }),
  ];
  const days = strip(runs, 30, NOW);
  expect(days).toHaveLength(30);
  expect(days.at(-1)).toEqual({ day: "2026-03-31", good: 1, bad: 1 });
  expect(days.reduce((sum, { good, bad }) => sum + good + bad, 0)).toBe(2);
});
