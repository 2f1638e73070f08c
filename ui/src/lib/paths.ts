// Paths of a host, and which of them are chosen.

import type { FolderItem } from "../api/records";

export const join = (folder: string, name: string): string => (folder === "/" ? `/${name}` : `${folder}/${name}`);

/** The folder that something lies in; none for the top. */
export function parent(path: string): string | undefined {
  const end = path.lastIndexOf("/");
  return path === "/" || end < 0 ? undefined : path.slice(0, end) || "/";
}

/** All folders above something, the top first. */
export function above(path: string): string[] {
  const found: string[] = [];
  for (let folder = parent(path); folder !== undefined; folder = parent(folder)) {
    found.unshift(folder);
  }
  return found;
}

/** The entries of a text with one on each line. */
export const lines = (text: string): string[] =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");

const isIn = (path: string, folder: string) => path.startsWith(folder === "/" ? "/" : `${folder}/`) && path !== folder;

/** Whether something is chosen, or lies in a folder that is. */
export const isCovered = (path: string, chosen: ReadonlySet<string>): boolean =>
  above(path).some((folder) => chosen.has(folder));

/** What is chosen after something was ticked or no longer is. What lies in a ticked folder needs no tick of its own. */
export function ticked(chosen: readonly string[], path: string, on: boolean): string[] {
  const others = chosen.filter((other) => other !== path && !(on && isIn(other, path)));
  return on ? [...others, path] : others;
}

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
  const level = above(join(folder, "item")).length;
  for (const item of items.slice(rows.length)) {
    rows.push({ kind: "item", path: join(folder, item.name), item, level, place: rows.length + 1, siblings: items });
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

/** Names that are no text cannot be told to the server as they are. */
export const isText = (name: string): boolean => !name.includes("\uFFFD");
