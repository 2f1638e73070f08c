import { useQuery } from "@tanstack/react-query";

import { wayOf } from "../lib/restore";
import { planOf } from "../lib/timeline";
import { connections, plans, sources, type Connection, type Node } from "./queries";
import { isOf, type Snapshot } from "./snapshots";

export type Buckets = {
  /** The node's connections to buckets. */
  ways: readonly Connection[];
  /** Whether the snapshot is one of a bucket. */
  isOfBucket: boolean;
  /** The way to that bucket, where it is beyond doubt. */
  likely: Connection | undefined;
};

/** A bucket is one folder at the top of its snapshot; what was taken of it may be some prefixes in there. */
const isOneFolder = ([first, ...others]: readonly string[]) => {
  const top = (path: string | undefined) => path?.split("/")[1];
  return first !== undefined && others.every((path) => top(path) === top(first));
};

/** The buckets that a node may restore into; nothing while that is not known. */
export function useBuckets(project: string, node: Node | undefined, snapshot: Snapshot): Buckets | undefined {
  const all = useQuery(connections(project));
  const [origins, planned] = [useQuery(sources(project)), useQuery(plans(project))];
  const ways = all.data?.filter(({ settings, node: place }) => settings.type === "s3" && place === node?.id) ?? [];
  // The repository is looked into only where it may matter.
  const enabled = ways.length > 0 && isOneFolder(snapshot.paths);
  const held = useQuery({ ...isOf("bucket", snapshot.repository, snapshot.id), enabled });
  if (all.isPending || origins.isPending || planned.isPending || (enabled && held.isPending)) {
    return undefined;
  }
  const isOfBucket = enabled && held.data === true;
  const plan = planned.data?.find(({ id }) => id === planOf(snapshot));
  const likely = isOfBucket ? wayOf("s3", origins.data ?? [], plan) : undefined;
  return { ways, isOfBucket, likely: ways.find(({ id }) => id === likely) };
}
