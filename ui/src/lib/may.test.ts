import { expect, it } from "vitest";

import { may, projectsWhere, type Me, type Role } from "./may";

const me = (roles: Record<string, Role>, owns_server = false) =>
  ({ owns_server, roles: Object.entries(roles).map(([project, role]) => ({ project, name: project, role })) }) as Me;

it("a role allows what the ones below it allow, in its own project", () => {
  const ada = me({ home: "viewer", office: "admin" });
  expect(may(ada, "editPlans", "office")).toBe(true);
  expect(may(ada, "runPlans", "office")).toBe(true);
  expect(may(ada, "editHooks", "office")).toBe(false);
  expect(may(ada, "runPlans", "home")).toBe(false);
  expect(may(ada, "runPlans")).toBe(true);
  expect(may(ada, "managePeople")).toBe(false);
  expect(projectsWhere(ada, "readAudit").map(({ project }) => project)).toEqual(["office"]);
});

it("the server is its owners' alone", () => {
  expect(may(me({ office: "owner" }), "manageServer")).toBe(false);
  expect(may(me({ home: "owner" }, true), "manageServer")).toBe(true);
  expect(may(undefined, "runPlans")).toBe(false);
});
