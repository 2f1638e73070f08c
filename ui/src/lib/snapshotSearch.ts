// What stands behind the `?` of the addresses of snapshots and restores. What makes no sense is left out.

import { ORDERS, type Order } from "./folder";

type Search = Record<string, unknown>;

const DAY = /^\d{4}-\d{2}-\d{2}$/;
const ID = /^[0-9a-f]{1,64}$/;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const uuid = (value: unknown) => (typeof value === "string" && UUID.test(value) ? value : undefined);
// A number that an id happens to look like is read as one.
const text = (value: unknown) => {
  const told = typeof value === "number" ? String(value) : value;
  return typeof told === "string" && told !== "" ? told : undefined;
};
const isPath = (value: unknown): value is string =>
  typeof value === "string" && value.startsWith("/") && !value.includes("\0") && !value.split("/").includes("..");
const paths = (value: unknown) => {
  const found = (Array.isArray(value) ? value : [value]).filter(isPath);
  return found.length > 0 ? found : undefined;
};
const snapshotId = (value: unknown) => {
  const told = text(value);
  return told !== undefined && (told === "latest" || ID.test(told)) ? told : undefined;
};
const day = (value: unknown) =>
  typeof value === "string" && DAY.test(value) && !Number.isNaN(Date.parse(value)) ? value : undefined;

const instant = (value: unknown) => (typeof value === "string" && !Number.isNaN(Date.parse(value)) ? value : undefined);

/** Without what is not there. */
function kept<T extends Search>(found: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

export type SnapshotsSearch = ReturnType<typeof snapshotsSearch>;

export const snapshotsSearch = (search: Search) =>
  kept({
    repository: uuid(search.repository),
    plan: uuid(search.plan),
    host: text(search.host),
    paths: paths(search.paths),
    day: day(search.day),
  });

export type BrowseSearch = ReturnType<typeof browseSearch>;

export const browseSearch = (search: Search) =>
  kept({
    path: isPath(search.path) ? search.path : undefined,
    sort: ORDERS.find((order): order is Order => order === search.sort),
    down: search.down === true ? true : undefined,
    filter: text(search.filter),
    chosen: paths(search.chosen),
    file: isPath(search.file) ? search.file : undefined,
  });

export const MODES = ["always", "if_changed", "if_newer", "never"] as const;
export type Mode = (typeof MODES)[number];

/** What becomes of collections of MongoDB that are in the way. */
export const COLLECTION_MODES = ["refuse", "replace", "put_aside"] as const;

export type RestoreSearch = ReturnType<typeof restoreSearch>;

export const restoreSearch = (search: Search) =>
  kept({
    repository: uuid(search.repository),
    plan: uuid(search.plan),
    snapshot: snapshotId(search.snapshot),
    paths: paths(search.paths),
    node: uuid(search.node),
    target: isPath(search.target) ? search.target : undefined,
    instance: uuid(search.instance),
    into: uuid(search.into),
    prefix: text(search.prefix),
    // The file that a database becomes instead of its old one.
    to: isPath(search.to) ? search.to : undefined,
    // One name on each line, as it is typed.
    include: text(search.include),
    // The same: a name and the one that takes its place.
    renames: text(search.renames),
    until: instant(search.until),
    existing: COLLECTION_MODES.find((mode) => mode === search.existing),
    users: search.users === true ? true : undefined,
    overwrite: MODES.find((mode) => mode === search.overwrite),
    delete: search.delete === true ? true : undefined,
    dry: uuid(search.dry),
  });


export const findSearch = (search: Search) => kept({ repository: uuid(search.repository), name: text(search.name) });

export type CompareSearch = ReturnType<typeof compareSearch>;

export const compareSearch = (search: Search) => kept({ from: snapshotId(search.from), to: snapshotId(search.to) });
