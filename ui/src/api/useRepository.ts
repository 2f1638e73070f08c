import { useQuery } from "@tanstack/react-query";

import { may, type Action } from "../lib/may";
import { destinations, me } from "./queries";
import { repositories, type Repository } from "./snapshots";

type Known = {
  repository: Repository | undefined;
  project: string | undefined;
  /** Whether it is known what the person may do. */
  known: boolean;
  /** Whether the person may do something with it. */
  can: (action: Action) => boolean;
};

/** A repository with what the person may do there. */
export function useRepository(id: string | undefined): Known {
  const repository = useQuery(repositories()).data?.find((one) => one.id === id);
  const project = useQuery(destinations()).data?.find((one) => one.id === repository?.destination)?.project;
  const self = useQuery(me()).data;
  const known = self !== undefined && project !== undefined;
  return { repository, project, known, can: (action) => project !== undefined && may(self, action, project) };
}
