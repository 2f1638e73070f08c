import { useQuery } from "@tanstack/react-query";

import { isOfMongodb, wayOf } from "../lib/restore";
import { isArchived, planOf } from "../lib/timeline";
import { connections, plans, sources, type Connection, type Node } from "./queries";
import type { Snapshot } from "./snapshots";

export type Servers = {
  /** The node's connections to servers of MongoDB. */
  ways: readonly Connection[];
  /** Whether the snapshot is one of such a server. */
  isOfServer: boolean;
  /** Whether it may be restored into one. */
  isOffered: boolean;
  /** The way to that server, where it is beyond doubt. */
  likely: Connection | undefined;
};

/** The servers of MongoDB that a node may restore into; nothing while that is not known. */
export function useServers(project: string, node: Node | undefined, snapshot: Snapshot): Servers | undefined {
  const all = useQuery(connections(project));
  const [origins, planned] = [useQuery(sources(project)), useQuery(plans(project))];
  if (all.isPending || origins.isPending || planned.isPending) {
    return undefined;
  }
  const ways = all.data?.filter(({ settings, node: place }) => settings.type === "mongodb" && place === node?.id) ?? [];
  const isOfServer = isOfMongodb(snapshot);
  const plan = planned.data?.find(({ id }) => id === planOf(snapshot));
  const likely = isOfServer ? wayOf("mongodb", origins.data ?? [], plan) : undefined;
  // The paths of an archive may be those of its files, which do not tell.
  const isOffered = isOfServer || (isArchived(snapshot) && ways.length > 0);
  return { ways, isOfServer, isOffered, likely: ways.find(({ id }) => id === likely) };
}
