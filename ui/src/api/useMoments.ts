import { useQuery } from "@tanstack/react-query";

import { windowsOf, type Window } from "../lib/moments";
import { isOfMongodb } from "../lib/restore";
import { planOf } from "../lib/timeline";
import { moments } from "./records";
import type { Repository, Snapshot } from "./snapshots";

/** Which moments one can go back to with what the plan of a snapshot keeps where it lies; nothing while that is not known. */
export function useMoments(repository: Repository, snapshot: Snapshot): readonly Window[] | undefined {
  const plan = isOfMongodb(snapshot) ? planOf(snapshot) : undefined;
  const { data } = useQuery({ ...moments(plan ?? ""), enabled: plan !== undefined });
  return data && windowsOf(data, repository.destination);
}
