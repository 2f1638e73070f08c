// The rows of a tree of folders, of which some are open.

import type { FolderItem } from "../api/records";
import { inside } from "./paths";

/** A row of a tree of folders as it is shown. */
export type Row =
  | { kind: "item"; path: string; item: FolderItem; level: number; place: number; among: number }
  | { kind: "loading" | "empty" | "cut"; path: string; level: number }
  | { kind: "failed"; path: string; level: number; text: string };

export type Listing = { items?: readonly FolderItem[] | undefined; failed?: string | undefined };

/** So many entries of a folder are shown at most. */
export const MOST_SHOWN = 100_000;

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
      items.forEach((item, index) => {
        const path = inside(folder, item.name);
        rows.push({ kind: "item", path, item, level, place: index + 1, among: items.length });
        if (open.has(path)) {
          add(path, level + 1);
        }
      });
      if (items.length >= MOST_SHOWN) {
        rows.push({ kind: "cut", path: folder, level });
      }
    }
  };
  add(top, 1);
  return rows;
}
