import { expect, it } from "vitest";

import { may, mayIn, type Roles } from "./may";

const roles: Roles = [
  { project: "a", name: "A", role: "admin" },
  { project: "b", name: "B", role: "viewer" },
];

it("a role holds in its project and up to its rank", () => {
  expect(may(roles, "editPlans", "a")).toBe(true);
  expect(may(roles, "editHooks", "a")).toBe(false);
  expect(may(roles, "viewNames", "b")).toBe(true);
  expect(may(roles, "runPlans", "b")).toBe(false);
  expect(may(roles, "viewNames", "elsewhere")).toBe(false);
});

it("without a project it is asked whether there is one", () => {
  expect(may(roles, "editPlans")).toBe(true);
  expect(mayIn(roles, "editPlans").map(({ project }) => project)).toEqual(["a"]);
  expect(may([], "viewNames")).toBe(false);
});
