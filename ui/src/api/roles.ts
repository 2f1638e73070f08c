import { useQuery } from "@tanstack/react-query";

import { may, projectsWhere, type Action } from "../lib/may";
import { me } from "./queries";

/** Tells what the person may do, in a project or in any. */
export function useRights(): (action: Action, project?: string) => boolean {
  const { data } = useQuery(me());
  return (action, project) => may(data, action, project);
}

/** Whether the person may do this in a project, or in any. */
export const useMay = (action: Action, project?: string): boolean => useRights()(action, project);

/** The projects in which the person may do this. */
export function useProjectsFor(action: Action) {
  return projectsWhere(useQuery(me()).data, action);
}
