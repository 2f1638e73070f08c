// Roles of a person as a form has them: one choice for each project.

import type { Schemas } from "../api/client";
import type { Role } from "./may";

type Grant = Schemas["Grant"];
/** A role, or none. */
export type Roles = Record<string, Role | "">;

/** What a form begins with: a choice for each project that is offered. */
export function rolesOf(grants: readonly Grant[], projects: readonly string[]): Roles {
  const role = (project: string) => grants.find((grant) => grant.project === project)?.role ?? "";
  return Object.fromEntries(projects.map((project) => [project, role(project)]));
}

/** What a form says, together with roles in projects that it did not offer. */
export function grantsOf(roles: Roles, before: readonly Grant[]): Grant[] {
  const kept = before.filter(({ project }) => !(project in roles));
  const chosen = Object.entries(roles).flatMap(([project, role]) => (role === "" ? [] : [{ project, role }]));
  return [...kept, ...chosen];
}
