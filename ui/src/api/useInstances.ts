import { useQuery } from "@tanstack/react-query";

import { instanceOf } from "../lib/restore";
import { planOf } from "../lib/timeline";
import { plans, sources, type Node } from "./queries";
import type { Source } from "./records";
import { isOf, type Snapshot } from "./snapshots";

export type Instances = {
  /** The sources whose instance could be brought back from the snapshot; none where it holds none. */
  fitting: readonly Source[];
  /** The one that it is of, where that is beyond doubt. */
  likely: Source | undefined;
};

/** The databases of a node that may be brought back from a snapshot; nothing while that is not known. */
export function useInstances(project: string, node: Node | undefined, snapshot: Snapshot): Instances | undefined {
  const [all, planned] = [useQuery(sources(project)), useQuery(plans(project))];
  const fitting = all.data?.filter(({ spec, node: place }) => spec.type === "mysql" && place === node?.id) ?? [];
  // The repository is looked into only where there is something that it could be of.
  const held = useQuery({ ...isOf("instance", snapshot.repository, snapshot.id), enabled: fitting.length > 0 });
  if (all.isPending || planned.isPending || (fitting.length > 0 && held.isPending)) {
    return undefined;
  }
  const plan = planned.data?.find(({ id }) => id === planOf(snapshot));
  return held.data === true ? { fitting, likely: instanceOf(fitting, plan) } : { fitting: [], likely: undefined };
}
