import { useQuery } from "@tanstack/react-query";

import { may, mayIn, type Action, type Roles } from "../lib/may";
import { me } from "./queries";

const NONE: Roles = [];

/** Whether the person may do this in a project, or in any. */
export function useMay(action: Action, project?: string): boolean {
  return may(useQuery(me()).data?.roles ?? NONE, action, project);
}

/** The projects in which the person may do this. */
export function useProjectsFor(action: Action): Roles {
  return mayIn(useQuery(me()).data?.roles ?? NONE, action);
}
