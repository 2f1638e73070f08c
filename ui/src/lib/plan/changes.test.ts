import { expect, it } from "vitest";

import type { Plan } from "../../api/queries";
import { changes } from "./changes";

const plan: Plan = {
  id: "1",
  project: "p",
  name: "Nightly",
  sources: ["s1"],
  destinations: ["d1"],
  schedule: { when: { daily: { at: ["03:00"] } }, zone: "UTC" },
  retention: { daily: 7 },
  enabled: true,
  created: "2026-01-01T00:00:00Z",
  changed: "2026-01-01T00:00:00Z",
  revision: 1,
};
const nameOf = (id: string) => `<${id}>`;
const silent = { nameOf, say: () => undefined };

it("nothing that people write has changed", () => {
  expect(changes(plan, { ...plan, revision: 2, changed: "2026-02-01T00:00:00Z" }, silent)).toEqual([]);
});

it("what was changed, added and removed is told by its field", () => {
  const after: Plan = {
    ...plan,
    sources: ["s1", "s2"],
    schedule: { when: { daily: { at: ["03:00", "15:00"] } }, zone: "UTC" },
    retention: {},
    hooks: { before: [{ stop_service: "mysql" }] },
    enabled: false,
  };
  expect(changes(plan, after, silent)).toEqual([
    { field: "sources", before: "<s1>", after: "<s1>, <s2>" },
    { field: "schedule when daily at", before: "03:00", after: "03:00, 15:00" },
    { field: "enabled", before: "true", after: "false" },
    { field: "hooks before 1 stop_service", after: "mysql" },
    { field: "retention daily", before: "7" },
  ]);
});

it("a part is told in words where these differ, and else field by field", () => {
  const after: Plan = { ...plan, schedule: { when: "manual", zone: "UTC" }, retention: { daily: 7, keep_at_least: 1 } };
  const say = (group: string, { schedule }: Plan) =>
    group === "schedule" ? JSON.stringify(schedule?.when) : group === "retention" ? "the same" : undefined;
  expect(changes(plan, after, { nameOf, say })).toEqual([
    { field: "schedule", before: '{"daily":{"at":["03:00"]}}', after: '"manual"' },
    { field: "retention keep_at_least", after: "1" },
  ]);
});
