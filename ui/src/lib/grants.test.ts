import { expect, it } from "vitest";

import { grantsOf, rolesOf } from "./grants";

it("roles in projects that a form does not offer stay", () => {
  const before = [
    { project: "home", role: "viewer" },
    { project: "secret", role: "admin" },
  ] as const;
  const roles = rolesOf(before, ["home", "office"]);
  expect(roles).toEqual({ home: "viewer", office: "" });
  expect(grantsOf({ home: "", office: "operator" }, before)).toEqual([
    { project: "secret", role: "admin" },
    { project: "office", role: "operator" },
  ]);
});
