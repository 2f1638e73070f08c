// Paths on nodes and in snapshots, and which of them are chosen.

/** The path of an item of a folder. */
export const inside = (folder: string, name: string): string => (folder === "/" ? `/${name}` : `${folder}/${name}`);

/** The folder that holds it; the top holds itself. */
export const folderOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf("/"))) || "/";

export const nameOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

/** All folders above something, the top first. */
export function above(path: string): string[] {
  const found: string[] = [];
  for (let at = path; at !== "/"; at = folderOf(at)) {
    found.unshift(folderOf(at));
  }
  return found;
}

/** A path without what is too much in it: `//a/./b/` is `/a/b`. */
export const clean = (path: string): string =>
  `/${path.split("/").filter((part) => part !== "" && part !== ".").join("/")}`;

/** The folders on the way to a path and the path itself, each with its name; the top comes first, without one. */
export const crumbs = (path: string): { name: string; path: string }[] =>
  [...above(path), path].map((one) => ({ name: nameOf(one), path: one }));

/** Whether something lies in a folder that is chosen. */
export const isCovered = (path: string, chosen: ReadonlySet<string>): boolean =>
  above(path).some((folder) => chosen.has(folder));

const isIn = (path: string, folder: string) => above(path).includes(folder);

/** What is chosen after something was ticked or no longer is. What lies in a ticked folder needs no tick of its own. */
export function ticked(chosen: readonly string[], path: string, on: boolean): string[] {
  const others = chosen.filter((other) => other !== path && !(on && isIn(other, path)));
  return on ? [...others, path] : others;
}

/** Names that are no text cannot be told to the server as they are. */
export const isText = (name: string): boolean => !name.includes("\uFFFD");
