import { expect, it } from "vitest";

import { arranged, type Item } from "./folder";

const items: Item[] = [
  { name: "b10.txt", kind: "file", size: 5, modified: "2026-01-01T00:00:00Z" },
  { name: "b9.txt", kind: "file", size: 50, modified: "2026-03-01T00:00:00Z" },
  { name: "zoo", kind: "folder", modified: "2026-02-01T00:00:00Z" },
  { name: "Ähre", kind: "link" },
];
const names = (...how: [Parameters<typeof arranged>[1], boolean, string]) => arranged(items, ...how).map(({ name }) => name);

it("folders come first, in every order", () => {
  expect(names("name", false, "")).toEqual(["zoo", "Ähre", "b9.txt", "b10.txt"]);
  expect(names("name", true, "")).toEqual(["zoo", "b10.txt", "b9.txt", "Ähre"]);
  expect(names("size", true, "")).toEqual(["zoo", "b9.txt", "b10.txt", "Ähre"]);
  expect(names("modified", false, "TXT")).toEqual(["b10.txt", "b9.txt"]);
});
