import { expect, it } from "vitest";

import type { FolderItem } from "../api/records";
import { itemRows, MOST_SHOWN, rowsOf } from "./folderRows";

it("open folders show what is in them, or why nothing is shown", () => {
  const item = (name: string, kind: FolderItem["kind"]): FolderItem => ({ name, kind });
  const listings = new Map([
    ["/", { items: [item("a", "folder"), item("b", "folder"), item("c", "folder"), item("d", "folder"), item("e", "file")] }],
    ["/a", { items: [item("x", "file")] }],
    ["/b", { items: [] }],
    ["/c", { failed: "not allowed" }],
  ]);
  const rows = rowsOf("/", new Set(["/a", "/b", "/c", "/d"]), (path) => listings.get(path) ?? {});
  expect(rows.map(({ kind, path, level }) => `${kind} ${path} ${level}`)).toEqual([
    "item /a 1",
    "item /a/x 2",
    "item /b 1",
    "empty /b 2",
    "item /c 1",
    "failed /c 2",
    "item /d 1",
    "loading /d 2",
    "item /e 1",
  ]);
  expect(rows[2]).toMatchObject({ place: 2, siblings: { length: 5 } });
});

it("rows of items that come in parts are made once", () => {
  const items: FolderItem[] = [{ name: "a", kind: "file" }];
  const [first] = itemRows("/x", items);
  items.push({ name: "b", kind: "file" });
  const rows = itemRows("/x", items);
  expect(rows.map(({ path, level, place }) => `${path} ${level} ${place}`)).toEqual(["/x/a 2 1", "/x/b 2 2"]);
  expect(rows[0]).toBe(first);
});

it("a folder of which not all may be told says so at its end", () => {
  const items = (count: number) => Array.from({ length: count }, (_, index): FolderItem => ({ name: `${index}`, kind: "file" }));
  expect(rowsOf("/", new Set(), () => ({ items: items(MOST_SHOWN) })).at(-1)?.kind).toBe("cut");
  expect(rowsOf("/", new Set(), () => ({ items: items(MOST_SHOWN - 1) })).at(-1)?.kind).toBe("item");
});
