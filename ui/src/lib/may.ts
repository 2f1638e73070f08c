// Who may do what, as the server decides it: what somebody may not do is not offered.

import type { Schemas } from "../api/client";

type Role = Schemas["Role"];

const ROLES: readonly Role[] = ["viewer", "operator", "admin", "owner"];

/** The least role for each action; the same names as in the server's policy. */
const LEAST = {
  viewNames: "viewer",
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

export type Action = keyof typeof LEAST;

/** Whether somebody may do something in a project; in any at all, where none is named. */
export function may(me: Pick<Schemas["Me"], "roles"> | undefined, action: Action, project?: string): boolean {
  const enough = ROLES.indexOf(LEAST[action]);
  const roles = me?.roles.filter((role) => project === undefined || role.project === project) ?? [];
  return roles.some(({ role }) => ROLES.indexOf(role) >= enough);
}
