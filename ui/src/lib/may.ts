// Who sees which buttons. The server decides; this keeps what it would refuse out of sight.

import type { Schemas } from "../api/client";

type Role = Schemas["Role"];
export type Roles = readonly Schemas["RoleIn"][];

const RANKS: readonly Role[] = ["viewer", "operator", "admin", "owner"];

/** The least role for each action, as the server has it. */
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
} satisfies Record<string, Role>;

export type Action = keyof typeof LEAST;

/** The projects in which somebody with these roles may do this. */
export const mayIn = (roles: Roles, action: Action): Roles =>
  roles.filter(({ role }) => RANKS.indexOf(role) >= RANKS.indexOf(LEAST[action]));

/** Whether somebody with these roles may do this: in this project, or in any. */
export const may = (roles: Roles, action: Action, project?: string): boolean =>
  mayIn(roles, action).some((role) => project === undefined || role.project === project);
