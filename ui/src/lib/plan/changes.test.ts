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

it("nothing that people write has changed", () => {
  expect(changes(plan, { ...plan, revision: 2, changed: "2026-02-01T00:00:00Z" }, nameOf)).toEqual([]);
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
  expect(changes(plan, after, nameOf)).toEqual([
    { field: "sources", before: "<s1>", after: "<s1>, <s2>" },
    { field: "schedule when daily at", before: "03:00", after: "03:00, 15:00" },
    { field: "enabled", before: "true", after: "false" },
    { field: "hooks before 1 stop_service", after: "mysql" },
    { field: "retention daily", before: "7" },
  ]);
});
