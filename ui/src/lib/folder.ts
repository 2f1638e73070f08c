// The items of a folder, as a node sorts and chooses them.

import type { Schemas } from "../api/client";

export type Item = Schemas["FolderItem"];
export type Order = "name" | "size" | "modified";
export const ORDERS: readonly Order[] = ["name", "size", "modified"];

/** What is asked of a folder. */
export type Asked = { path: string; sort: Order; descending: boolean; name: string };

/** So many items are asked for at once. */
export const PAGE = 500;

/** The pages that hold items from one place to another. */
export function pagesOf(first: number, last: number): number[] {
  const [from, to] = [Math.floor(first / PAGE), Math.floor(Math.max(first, last) / PAGE)];
  return Array.from({ length: to - from + 1 }, (_, place) => from + place);
}
