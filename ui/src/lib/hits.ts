// What a search found, item by item.

import type { Schemas } from "../api/client";
import { inside } from "./paths";

type Hit = Schemas["Hit"];

/** An item, as it is in the newest snapshot that has it, and in how many it was found. */
export type FoundItem = { path: string; newest: Hit; snapshots: number };

/** Each item once, in the order in which they were found: the newest snapshot first. */
export function itemsOf(hits: readonly Hit[]): FoundItem[] {
  const found = new Map<string, FoundItem>();
  for (const hit of hits) {
    const path = inside(hit.folder, hit.item.name);
    const item = found.get(path);
    if (item) {
      item.snapshots += 1;
    } else {
      found.set(path, { path, newest: hit, snapshots: 1 });
    }
  }
  return [...found.values()];
}
