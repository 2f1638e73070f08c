import { expect, it } from "vitest";

import { may } from "./may";

const me = { roles: [{ project: "a", name: "A", role: "viewer" as const }, { project: "b", name: "B", role: "admin" as const }] };

it("a role counts in its project, with what lesser roles may do", () => {
  expect(may(me, "viewNames", "a")).toBe(true);
  expect(may(me, "restore", "a")).toBe(false);
  expect(may(me, "restore", "b")).toBe(true);
  expect(may(me, "revealKeys", "b")).toBe(false);
  expect(may(me, "restore")).toBe(true);
  expect(may(me, "restore", "c")).toBe(false);
  expect(may(undefined, "viewNames")).toBe(false);
});
