import { expect, it } from "vitest";

import { lines } from "./lines";
import { above, clean, crumbs, folderOf, inside, isCovered, isText, nameOf, ticked } from "./paths";

it("paths are put together and taken apart", () => {
  expect(inside("/", "etc")).toBe("/etc");
  expect(inside("/etc", "a b")).toBe("/etc/a b");
  expect([folderOf("/etc/x"), folderOf("/etc"), folderOf("/")]).toEqual(["/etc", "/", "/"]);
  expect(nameOf("/etc/x.conf")).toBe("x.conf");
  expect(above("/home/ada/x")).toEqual(["/", "/home", "/home/ada"]);
  expect(above("/")).toEqual([]);
  expect(above("no path")).toEqual(["/"]);
  expect(clean("//a/./b/")).toBe("/a/b");
  expect(clean("")).toBe("/");
  expect(crumbs("/")).toEqual([{ name: "", path: "/" }]);
  expect(crumbs("/a/b")).toEqual([
    { name: "", path: "/" },
    { name: "a", path: "/a" },
    { name: "b", path: "/a/b" },
  ]);
  expect([isText("Größe"), isText("Gr\uFFFD\uFFFDe")]).toEqual([true, false]);
});

it("a text has its entries on lines", () => {
  expect(lines(" /a \n\n/b\r\n")).toEqual(["/a", "/b"]);
});

it("a folder that is chosen stands for all that is in it", () => {
  expect(ticked(["/a/b", "/ab"], "/a", true)).toEqual(["/ab", "/a"]);
  expect(ticked(["/a", "/b"], "/a", false)).toEqual(["/b"]);
  expect(ticked(["/a", "/b/c"], "/", true)).toEqual(["/"]);
  expect(isCovered("/a/b/c", new Set(["/a"]))).toBe(true);
  expect(isCovered("/a", new Set(["/"]))).toBe(true);
  expect(isCovered("/ab", new Set(["/a"]))).toBe(false);
  expect(isCovered("/a", new Set(["/a"]))).toBe(false);
});
