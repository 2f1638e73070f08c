import { useQuery } from "@tanstack/react-query";

import { isStorage } from "../lib/connection";
import { destinations, sources, type Connection } from "./queries";

type Named = { id: string; name: string };
/** Of a kind; no records while they are not known. */
type Users = { kind: "destinations" | "sources"; records: readonly Named[] | undefined };

/** What a connection is used by: destinations where it leads to storage, sources where it leads to what can be backed up. */
export function useUsers({ id, settings }: Connection): readonly Users[] {
  const [places, origins] = [useQuery(destinations()).data, useQuery(sources()).data];
  const isRead = settings.type === "mysql" || settings.type === "mongodb" || settings.type === "s3";
  const kept: Users = { kind: "destinations", records: places?.filter(({ connection }) => connection === id) };
  const read: Users = { kind: "sources", records: origins?.filter(({ spec }) => "connection" in spec && spec.connection === id) };
  return [...(isStorage({ settings }) ? [kept] : []), ...(isRead ? [read] : [])];
}
