import { expect, it } from "vitest";

import { homeOf } from "./home";

/** A node with these folders, and what was looked into. */
function node(folders: Record<string, string[]>) {
  const seen: string[] = [];
  const list = (path: string) => {
    seen.push(path);
    return Promise.resolve((folders[path] ?? []).map((name) => ({ name, kind: name.includes(".") ? ("file" as const) : ("folder" as const) })));
  };
  return { list, seen };
}

it("several people's folders are shown side by side, the only one is opened", async () => {
  expect(await homeOf(node({ "/": ["etc", "home", "root"], "/home": ["ada", "bob"] }).list)).toBe("/home");
  expect(await homeOf(node({ "/": ["etc", "home", "root"], "/home": ["ada", "notes.txt"] }).list)).toBe("/home/ada");
  expect(await homeOf(node({ "/": ["Users"], "/Users": ["ada", "Shared"] }).list)).toBe("/Users");
});

it("where nobody has a folder it is the administrator's, or none", async () => {
  expect(await homeOf(node({ "/": ["home", "root"], "/home": [] }).list)).toBe("/root");
  const bare = node({ "/": ["data", "home.txt"] });
  expect(await homeOf(bare.list)).toBeUndefined();
  expect(bare.seen).toEqual(["/"]);
});
