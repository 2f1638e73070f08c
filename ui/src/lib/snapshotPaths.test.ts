import { expect, it } from "vitest";

import { above, clean, crumbs, inside, isCovered, nameOf, toggled } from "./snapshotPaths";

it("paths are put together and taken apart", () => {
  expect(inside("/", "etc")).toBe("/etc");
  expect(inside("/etc", "a b")).toBe("/etc/a b");
  expect([above("/etc/x"), above("/etc"), above("/")]).toEqual(["/etc", "/", "/"]);
  expect(nameOf("/etc/x.conf")).toBe("x.conf");
  expect(clean("//a/./b/")).toBe("/a/b");
  expect(clean("")).toBe("/");
  expect(crumbs("/a/b")).toEqual([
    { name: "", path: "/" },
    { name: "a", path: "/a" },
    { name: "b", path: "/a/b" },
  ]);
});

it("a folder that is chosen stands for all that is in it", () => {
  const both = toggled("/b", toggled("/a/x", []));
  expect(both).toEqual(["/a/x", "/b"]);
  expect(toggled("/a", both)).toEqual(["/b", "/a"]);
  expect(isCovered("/a/x", ["/a"])).toBe(true);
  expect(isCovered("/ab", ["/a"])).toBe(false);
  expect(isCovered("/a", ["/a"])).toBe(false);
  expect(toggled("/b", both)).toEqual(["/a/x"]);
});
