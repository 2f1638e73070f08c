import { useQuery } from "@tanstack/react-query";

import { isStorage } from "../lib/connection";
import { destinations, sources, type Connection } from "./queries";

type Named = { id: string; name: string };
type Users = { kind: "destinations" | "sources"; records: readonly Named[] | undefined };

/** What a connection is used by: destinations where it leads to storage, otherwise sources. */
export function useUsers(connection: Connection): Users {
  const [places, origins] = [useQuery(destinations()).data, useQuery(sources()).data];
  return isStorage(connection)
    ? { kind: "destinations", records: places?.filter((one) => one.connection === connection.id) }
    : {
        kind: "sources",
        records: origins?.filter(({ spec }) => spec.type === "mysql" && spec.connection === connection.id),
      };
}
