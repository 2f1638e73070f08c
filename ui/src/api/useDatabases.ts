import { useQuery } from "@tanstack/react-query";

import { isOfMongodb } from "../lib/restore";
import { mayHoldDatabases } from "../lib/sqlite";
import { sources } from "./queries";
import { isOf, type Snapshot } from "./snapshots";

/** Whether a snapshot is one of databases of SQLite; nothing while that is not known. */
export function useDatabases(project: string, snapshot: Snapshot): boolean | undefined {
  const { data, isPending } = useQuery(sources(project));
  // The repository is looked into only where it may matter.
  const enabled = data !== undefined && !isOfMongodb(snapshot) && mayHoldDatabases(snapshot, data.map(({ spec }) => spec));
  const held = useQuery({ ...isOf("sqlite", snapshot.repository, snapshot.id), enabled });
  return isPending || (enabled && held.isPending) ? undefined : enabled && held.data === true;
}
