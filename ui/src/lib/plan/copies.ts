// What a copy plan copies, as the form of a plan holds it, and back.

import { z } from "zod";

import type { Schemas } from "../../api/client";
import type { Plan } from "../../api/queries";
import { lines } from "../lines";

export const copySchema = z.object({
  from: z.string(),
  /** Empty: each node copies its own repository. */
  node: z.string(),
  plans: z.array(z.string()),
  hosts: z.string(),
  paths: z.string(),
  tags: z.string(),
  mirror: z.boolean(),
});

export type CopyValues = z.infer<typeof copySchema>;

export function copyValues(copy: Plan["copy"]): CopyValues {
  return {
    from: copy?.from ?? "",
    node: copy?.node ?? "",
    plans: copy?.plans ?? [],
    hosts: (copy?.hosts ?? []).join("\n"),
    paths: (copy?.paths ?? []).join("\n"),
    tags: (copy?.tags ?? []).join("\n"),
    mirror: copy?.mirror ?? false,
  };
}

export function copyOf({ from, node, plans, hosts, paths, tags, mirror }: CopyValues): Schemas["CopySpec"] {
  const list = (name: string, items: string[]) => (items.length > 0 ? { [name]: items } : {});
  return {
    from,
    ...(node !== "" && { node }),
    ...list("plans", plans),
    ...list("hosts", lines(hosts)),
    ...list("paths", lines(paths)),
    ...list("tags", lines(tags)),
    mirror,
  };
}

/** Whether only some of the snapshots are copied. */
export const isChoosy = ({ plans = [], hosts = [], paths = [], tags = [] }: Schemas["CopySpec"]): boolean =>
  [plans, hosts, paths, tags].some((list) => list.length > 0);
