// Paths in snapshots and on hosts, and those that are chosen to be brought back.

/** The path of an item of a folder. */
export const inside = (folder: string, name: string): string => (folder === "/" ? `/${name}` : `${folder}/${name}`);

/** The folder that holds it; the top holds itself. */
export const above = (path: string): string => path.slice(0, path.lastIndexOf("/")) || "/";

export const nameOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

/** A path without what is too much in it: `//a/./b/` is `/a/b`. */
export const clean = (path: string): string =>
  `/${path.split("/").filter((part) => part !== "" && part !== ".").join("/")}`;

/** The folders on the way to a path and the path itself, each with its name; the top comes first, without one. */
export function crumbs(path: string): { name: string; path: string }[] {
  const parts = path.split("/").filter((part) => part !== "");
  return [{ name: "", path: "/" }, ...parts.map((name, place) => ({ name, path: `/${parts.slice(0, place + 1).join("/")}` }))];
}

const liesIn = (path: string, folder: string) => folder === "/" || path === folder || path.startsWith(`${folder}/`);

/** Whether something chosen holds a path, without being it. */
export const isCovered = (path: string, chosen: readonly string[]): boolean =>
  chosen.some((one) => one !== path && liesIn(path, one));

/** Takes a path in, with all that is in it, or leaves it out again. */
export function toggled(path: string, chosen: readonly string[]): string[] {
  return chosen.includes(path)
    ? chosen.filter((one) => one !== path)
    : [...chosen.filter((one) => !liesIn(one, path)), path];
}
