import { expect, it } from "vitest";

import { itemsOf } from "./hits";

const hit = (snapshot: string, folder: string, name: string) => ({
  snapshot,
  time: "2026-03-01T00:00:00Z",
  folder,
  item: { name, kind: "file" as const },
});

it("an item that many snapshots have is told once, as the newest has it", () => {
  const found = itemsOf([hit("2", "/", "a"), hit("2", "/x", "a"), hit("1", "/", "a")]);
  expect(found.map(({ path, newest, snapshots }) => [path, newest.snapshot, snapshots])).toEqual([
    ["/a", "2", 2],
    ["/x/a", "2", 1],
  ]);
});
