import { expect, it } from "vitest";

import { differences } from "./diff";

it("only what differs is told, by its path", () => {
  const before = { name: "Letters", schedule: { every: "1d", zone: "UTC" }, paths: ["/a"], limits: null, enabled: true };
  const after = { name: "Letters", schedule: { every: "2d", zone: "UTC" }, paths: ["/a", "/b"], enabled: false };
  expect(differences(before, after)).toEqual([
    { path: "schedule.every", before: "1d", after: "2d" },
    { path: "paths", before: "/a", after: "/a\n/b" },
    { path: "enabled", before: "true", after: "false" },
  ]);
});

it("what was made or deleted is told whole", () => {
  expect(differences(undefined, { name: "Letters", keep: { last: 3 } })).toEqual([
    { path: "name", before: undefined, after: "Letters" },
    { path: "keep.last", before: undefined, after: "3" },
  ]);
  expect(differences({ name: "Letters" }, null)).toEqual([{ path: "name", before: "Letters", after: undefined }]);
});

it("lists of records differ record by record", () => {
  const grants = (role: string) => ({ grants: [{ project: "a", role: "viewer" }, { project: "b", role }] });
  expect(differences(grants("admin"), grants("owner"))).toEqual([
    { path: "grants.1.role", before: "admin", after: "owner" },
  ]);
  expect(differences({ grants: [] }, { grants: [{ role: "viewer" }] })).toEqual([
    { path: "grants.0.role", before: undefined, after: "viewer" },
  ]);
});

it("a value that becomes a record, and text that is no record", () => {
  expect(differences({ on: "x" }, { on: { day: 1 } })).toEqual([{ path: "on", before: "x", after: '{"day":1}' }]);
  expect(differences(undefined, "arrived")).toEqual([{ path: "", before: undefined, after: "arrived" }]);
});
