// The items of a folder, in the order and the choice that a person wants.

import type { Schemas } from "../api/client";

export type Item = Schemas["FolderItem"];
export type Order = "name" | "size" | "modified";
export const ORDERS: readonly Order[] = ["name", "size", "modified"];

/** More than these a node does not tell of one folder. */
export const MOST_ITEMS = 10_000;

/** Up to so many items are sorted as people sort: `b9` before `b10`. More would take too long. */
const SORTED_WELL = 20_000;

const rank = (item: Item) => (item.kind === "folder" ? 0 : 1);

/** The items with a text in their names; folders come first. */
export function arranged(items: readonly Item[], order: Order, down: boolean, text: string): Item[] {
  const wanted = text.toLowerCase();
  const found = items.filter(({ name }) => wanted === "" || name.toLowerCase().includes(wanted));
  const collator = new Intl.Collator(undefined, { numeric: true });
  const plain = (one: string, other: string) => (one < other ? -1 : one > other ? 1 : 0);
  const names = found.length > SORTED_WELL ? plain : collator.compare;
  const times = new Map(order === "modified" ? found.map((item) => [item, Date.parse(item.modified ?? "") || 0]) : []);
  const by: Record<Order, (one: Item, other: Item) => number> = {
    name: (one, other) => names(one.name, other.name),
    size: (one, other) => (one.size ?? 0) - (other.size ?? 0),
    modified: (one, other) => (times.get(one) ?? 0) - (times.get(other) ?? 0),
  };
  const sign = down ? -1 : 1;
  return found.sort((one, other) => rank(one) - rank(other) || sign * by[order](one, other) || by.name(one, other));
}
