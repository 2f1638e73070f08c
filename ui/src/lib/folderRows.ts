// The rows of a tree of folders, of which some are open.

import type { FolderItem } from "../api/records";
import { above, inside } from "./paths";

/** An item of a folder: which of its items, counted from 1. */
export type ItemRow = {
  kind: "item";
  path: string;
  item: FolderItem;
  level: number;
  place: number;
  siblings: readonly FolderItem[];
};

/** A row of a tree of folders as it is shown. */
export type Row =
  | ItemRow
  | { kind: "loading" | "empty" | "cut"; path: string; level: number }
  | { kind: "failed"; path: string; level: number; text: string };

export type Listing = { items?: readonly FolderItem[] | undefined; failed?: string | undefined };

/** So many entries of a folder are shown at most. */
export const MOST_SHOWN = 100_000;

const made = new WeakMap<readonly FolderItem[], ItemRow[]>();

/** The rows of a folder's items. They are made once: where items come in parts, those of each part with it. */
export function itemRows(folder: string, items: readonly FolderItem[]): readonly ItemRow[] {
  const rows = made.get(items) ?? [];
  made.set(items, rows);
  const level = above(inside(folder, "item")).length;
  for (const item of items.slice(rows.length)) {
    rows.push({ kind: "item", path: inside(folder, item.name), item, level, place: rows.length + 1, siblings: items });
  }
  return rows;
}

/** The rows of all folders that are open, each below its own. */
export function rowsOf(top: string, open: ReadonlySet<string>, listing: (path: string) => Listing): Row[] {
  const rows: Row[] = [];
  const add = (folder: string, level: number) => {
    const { items, failed } = listing(folder);
    if (failed !== undefined) {
      rows.push({ kind: "failed", path: folder, level, text: failed });
    } else if (items === undefined || items.length === 0) {
      rows.push({ kind: items === undefined ? "loading" : "empty", path: folder, level });
    } else {
      for (const row of itemRows(folder, items)) {
        rows.push(row);
        if (open.has(row.path)) {
          add(row.path, level + 1);
        }
      }
      if (items.length >= MOST_SHOWN) {
        rows.push({ kind: "cut", path: folder, level });
      }
    }
  };
  add(top, 1);
  return rows;
}
