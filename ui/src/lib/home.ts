// Where on a node people have what is theirs.

import type { FolderItem } from "../api/records";
import { inside } from "./paths";

type List = (path: string) => Promise<readonly FolderItem[]>;

/** The folders that hold those of people, and the one of the administrator. */
const PLACES = ["/home", "/Users", "/root"];

/** The folder that people keep theirs in; theirs itself where there is one alone. Only folders that are there are looked into. */
export async function homeOf(list: List): Promise<string | undefined> {
  const foldersOf = async (path: string) =>
    (await list(path)).filter(({ kind }) => kind === "folder").map(({ name }) => inside(path, name));
  const top = await foldersOf("/");
  for (const place of PLACES.filter((one) => top.includes(one))) {
    const found = await foldersOf(place);
    const [only] = found;
    if (place === "/root") {
      return place;
    }
    if (only !== undefined) {
      return found.length === 1 ? only : place;
    }
  }
  return undefined;
}
