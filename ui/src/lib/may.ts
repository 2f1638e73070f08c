// Who may do what, as the server has it (crates/server/src/access/policy.rs). The server decides; this says which buttons to show.

import type { Schemas } from "../api/client";

export type Me = Schemas["Me"];
export type Role = Schemas["Role"];

/** The roles, each of which may do all that the ones before it may. */
export const ROLES = ["viewer", "operator", "admin", "owner"] as const satisfies readonly Role[];

const LEAST = {
  viewContent: "operator",
  runPlans: "operator",
  steerRuns: "operator",
  restore: "operator",
  editConnections: "admin",
  editSources: "admin",
  editDestinations: "admin",
  editPlans: "admin",
  manageNodes: "admin",
  readAudit: "admin",
  editHooks: "owner",
  allowPrivate: "owner",
  revealKeys: "owner",
  managePeople: "owner",
  manageProject: "owner",
} as const satisfies Record<string, Role>;

export type Action = keyof typeof LEAST | "manageServer";

/** Whether somebody may do something in a project; in any at all when none is named. */
export function may(me: Me | undefined, action: Action, project?: string): boolean {
  if (me === undefined || action === "manageServer") {
    return me?.owns_server ?? false;
  }
  const least = ROLES.indexOf(LEAST[action]);
  const enough = me.roles.filter(({ role }) => ROLES.indexOf(role) >= least);
  return project === undefined ? enough.length > 0 : enough.some((role) => role.project === project);
}

/** The projects in which somebody may do something. */
export const projectsWhere = (me: Me | undefined, action: Action) =>
  (me?.roles ?? []).filter(({ project }) => may(me, action, project));
