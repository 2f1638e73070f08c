import { useQuery } from "@tanstack/react-query";

import { may, projectsWhere, type Action } from "../lib/may";
import { me } from "./queries";

/** Whether the person may do this in a project, or in any. */
export function useMay(action: Action, project?: string): boolean {
  return may(useQuery(me()).data, action, project);
}

/** The projects in which the person may do this. */
export function useProjectsFor(action: Action) {
  return projectsWhere(useQuery(me()).data, action);
}
