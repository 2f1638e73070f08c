// What stands behind the `?` of an address.

import type { RunFilter } from "../api/queries";

const IDS = ["project", "plan", "source", "destination", "node"] as const;
const STATES = ["pending", "running", "paused", "completed", "failed", "cancelled"];
const KINDS = ["backup", "copy", "restore", "verify", "prune"] as const;
const DAY = /^\d{4}-\d{2}-\d{2}$/;

/** Which project's records are shown; all of them when left out. */
export type ProjectSearch = { project?: string | undefined };

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The project in an address. */
export function projectSearch(search: Record<string, unknown>): ProjectSearch {
  const { project } = search;
  return typeof project === "string" && ID.test(project) ? { project } : {};
}

/** A page of runs: what they are filtered by, and the place in the list that it follows; the newest when there is none. */
export type RunSearch = RunFilter & { after?: string };

const PLACE = /^\d{1,17}\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.\d$/;

/** The page of runs in an address; what makes no sense is left out. */
export function runsSearch(search: Record<string, unknown>): RunSearch {
  const { after } = search;
  return { ...runSearch(search), ...(typeof after === "string" && PLACE.test(after) && { after }) };
}

/** The filter of runs in an address; what makes no sense is left out. */
export function runSearch(search: Record<string, unknown>): RunFilter {
  const filter: RunFilter = {};
  for (const name of IDS) {
    const value = search[name];
    if (typeof value === "string" && ID.test(value)) {
      filter[name] = value;
    }
  }
  const { state } = search;
  if (typeof state === "string" && state.split(",").every((one) => STATES.includes(one))) {
    filter.state = state;
  }
  const kind = KINDS.find((kind) => kind === search.kind);
  if (kind !== undefined) {
    filter.kind = kind;
  }
  for (const name of ["since", "until"] as const) {
    const value = search[name];
    if (typeof value === "string" && DAY.test(value) && !Number.isNaN(Date.parse(value)) && value < "9000") {
      filter[name] = value;
    }
  }
  return filter;
}

/** Connections that repositories can lie behind. */
/** Those that can be made along with a destination. */
export const MADE_TYPES = ["local", "s3", "receiver"] as const;
export const STORAGE_TYPES = [...MADE_TYPES, "google_drive"] as const;
export const CONNECTION_TYPES = [...STORAGE_TYPES, "mysql", "mongodb"] as const;
export type ConnectionType = (typeof CONNECTION_TYPES)[number];

/** Of which type a new connection is. */
export function newConnectionSearch(search: Record<string, unknown>): { type?: ConnectionType } {
  const type = CONNECTION_TYPES.find((type) => type === search.type);
  return type === undefined ? {} : { type };
}

export const SOURCE_TYPES = ["files", "mysql", "mongodb", "sqlite", "s3"] as const;
export type SourceType = (typeof SOURCE_TYPES)[number];

/** Of a source that is read through a connection. */
export type ServiceType = Exclude<SourceType, "files" | "sqlite">;

export const isService = (type: SourceType): type is ServiceType => type !== "files" && type !== "sqlite";

/** Of which type a new source is, and on which node. */
export function newSourceSearch(search: Record<string, unknown>): { node?: string; type?: SourceType } {
  const type = SOURCE_TYPES.find((type) => type === search.type);
  return { ...nodeSearch(search), ...(type !== undefined && { type }) };
}

/** The node that something new is for. */
export const nodeSearch = ({ node }: Record<string, unknown>): { node?: string } =>
  typeof node === "string" && node !== "" && node.length <= 100 ? { node } : {};

export type FirstBackupSearch = { run?: string; proof?: string };

/** The runs of a first backup in an address: the backup, and the restore that proves it. */
export function firstBackupSearch(search: Record<string, unknown>): FirstBackupSearch {
  const found: FirstBackupSearch = {};
  for (const name of ["run", "proof"] as const) {
    const value = search[name];
    if (typeof value === "string" && /^[0-9a-f-]{36}$/.test(value)) {
      found[name] = value;
    }
  }
  return found;
}
