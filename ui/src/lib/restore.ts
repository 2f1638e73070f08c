// What a restore is asked for, from what stands in the address of its page.

import type { Schemas } from "../api/client";
import type { Node, Plan, Run } from "../api/queries";
import type { Source } from "../api/records";
import type { Repository, Snapshot } from "../api/snapshots";
import { lines } from "./lines";
import { areTypable, renamesOf, renamesText } from "./mongodb";
import { MODES, type Mode, type RestoreSearch } from "./snapshotSearch";
import { chosenOf } from "./sqlite";
import { isArchived } from "./timeline";

export type RestoreForm = Schemas["RestoreForm"];

/** Where the original place is. */
export const ORIGINAL = "/";

/** The node that restores unless another is chosen: the one that the snapshot was made on, if it can be told. */
export function usualNode(nodes: readonly Node[], repository: Repository, snapshot: Snapshot): Node | undefined {
  return (
    nodes.find(({ id }) => id === repository.node) ??
    nodes.find(({ host }) => host?.host_name === snapshot.host) ??
    nodes.find(({ local }) => local) ??
    nodes[0]
  );
}

/** What may be done with files that are there. An archive is written over them: nothing else there is looked at. */
export const modesOf = (snapshot: Snapshot): readonly Mode[] => MODES.filter((mode) => mode !== "if_newer" || !isArchived(snapshot));

/** The same of objects in a bucket, which are compared by what the service lists, always. */
export const bucketModesOf = (snapshot: Snapshot) => modesOf(snapshot).filter((mode) => mode !== "if_changed");

/** What is done with files that are there. */
export function existingOf({ overwrite = "always", delete: deletes = false }: RestoreSearch, snapshot: Snapshot) {
  const mode = modesOf(snapshot).includes(overwrite) ? overwrite : "always";
  return { overwrite: mode, deletes: deletes && !isArchived(snapshot) };
}

/** What the server is asked for. Deleting at the original place never goes beyond what was backed up. */
export function formOf(search: RestoreSearch, snapshot: Snapshot, node: Node, dryRun: boolean): RestoreForm {
  const { paths = [], target = ORIGINAL } = search;
  const { overwrite, deletes } = existingOf(search, snapshot);
  return {
    repository: snapshot.repository,
    snapshot: snapshot.id,
    node: node.id,
    paths: deletes && target === ORIGINAL && paths.length === 0 ? [...snapshot.paths] : [...paths],
    target,
    overwrite,
    delete: deletes,
    dry_run: dryRun,
  };
}

/** What the server is asked for to restore into a bucket. Deleting there is kept to the prefix, or to what was chosen. */
export function bucketForm(search: RestoreSearch, snapshot: Snapshot, node: Node, connection: string, dryRun: boolean): RestoreForm {
  const { paths = [], prefix = "" } = search;
  const { overwrite, deletes } = existingOf(search, snapshot);
  return {
    repository: snapshot.repository,
    snapshot: snapshot.id,
    node: node.id,
    paths: [...paths],
    target: ORIGINAL,
    into: { type: "s3", connection, prefix },
    overwrite: overwrite === "if_changed" ? "always" : overwrite,
    delete: deletes,
    dry_run: dryRun,
  };
}

type Into = NonNullable<RestoreForm["into"]>;

/** What is asked for where something takes the place of a folder. */
const inPlace = (snapshot: Snapshot, node: Node, into: Into, dryRun: boolean): RestoreForm => ({
  repository: snapshot.repository,
  snapshot: snapshot.id,
  node: node.id,
  target: ORIGINAL,
  into,
  dry_run: dryRun,
});

/** Whether a snapshot is one of a server of MongoDB. */
export const isOfMongodb = ({ paths }: Pick<Snapshot, "paths">): boolean => paths.some((path) => path.startsWith("mongodb://"));

/** What the server is asked for to restore into a server of MongoDB: databases and collections by their names. */
export function mongodbForm(search: RestoreSearch, snapshot: Snapshot, node: Node, connection: string, dryRun: boolean): RestoreForm {
  const { include = "", renames = "", existing = "refuse", users = false, until } = search;
  const into: Into = {
    type: "mongodb",
    connection,
    include: lines(include),
    ...renamesOf(renames),
    existing,
    users,
    ...(until !== undefined && { until }),
  };
  return inPlace(snapshot, node, into, dryRun);
}

/** What the server is asked for to put databases of SQLite back in their place, or the only one that is chosen under another path. */
export function sqliteForm({ paths, to = "" }: RestoreSearch, snapshot: Snapshot, node: Node, dryRun: boolean): RestoreForm {
  const databases = chosenOf(snapshot.paths, paths);
  const into: Into = {
    type: "sqlite",
    ...(databases.length < snapshot.paths.length && { databases: [...databases] }),
    ...(to !== "" && databases.length === 1 && { to }),
  };
  return inPlace(snapshot, node, into, dryRun);
}

/** A moment as a field for it has it: by the clock here, to the second. */
export function toField(instant: string | undefined): string {
  if (instant === undefined) {
    return "";
  }
  const at = new Date(instant);
  const two = (number: number) => String(number).padStart(2, "0");
  const day = `${String(at.getFullYear()).padStart(4, "0")}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day}T${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** The moment that stands in such a field. A year of which only some digits are typed is none. */
export function ofField(text: string): string | undefined {
  const at = new Date(text);
  return text === "" || Number.isNaN(at.getTime()) || at.getFullYear() < 1970 ? undefined : at.toISOString().replace(".000Z", "Z");
}

/** An object of a snapshot for an example: its key as it was in its bucket, or as the path of a file becomes one. */
export const exampleKey = (prefix: string, path: string): string => `${prefix}${path.replace(/^\/+/, "")}`;

/** The connection of the service that a snapshot is of, where that is beyond doubt: of the sources of its plan, or of all. */
export function wayOf(type: "s3" | "mongodb", origins: readonly Source[], plan: Pick<Plan, "sources"> | undefined): string | undefined {
  const ways = (sources: readonly Source[]) => new Set(sources.flatMap(({ spec }) => (spec.type === type ? [spec.connection] : [])));
  const planned = ways(origins.filter(({ id }) => plan?.sources.includes(id)));
  const [only, ...others] = planned.size > 0 ? planned : ways(origins);
  return others.length === 0 ? only : undefined;
}

/** What the server is asked for to bring the instance of a source back in its place: all of it, always. */
export const instanceForm = (instance: string, snapshot: Snapshot, node: Node, dryRun: boolean): RestoreForm => ({
  repository: snapshot.repository,
  snapshot: snapshot.id,
  node: node.id,
  target: ORIGINAL,
  instance,
  dry_run: dryRun,
});

/** The source whose instance a snapshot is of, where that is beyond doubt: the only one of its plan, or the only one there is. */
export function instanceOf(fitting: readonly Source[], plan: Pick<Plan, "sources"> | undefined): Source | undefined {
  const planned = fitting.filter(({ id }) => plan?.sources.includes(id));
  const [only, ...others] = planned.length > 0 ? planned : fitting;
  return others.length === 0 ? only : undefined;
}

/** The part of that address that says what it goes to instead of a folder. */
function intoSearch(into: Schemas["RestoreInto"]): RestoreSearch {
  if (into.type === "sqlite") {
    return { ...(into.databases && into.databases.length > 0 && { paths: into.databases }), ...(into.to && { to: into.to }) };
  }
  if (into.type === "s3") {
    return { into: into.connection, ...(into.prefix && { prefix: into.prefix }) };
  }
  const { connection, include = [], databases = [], collections = [], existing, users, until } = into;
  const renames = renamesText([...databases, ...collections]);
  return {
    into: connection,
    ...(include.length > 0 && { include: include.join("\n") }),
    ...(renames && { renames }),
    ...(existing && { existing }),
    ...(users && { users: true }),
    ...(until && { until }),
  };
}

/** The address of the form that a restore was begun with. */
export function searchOf(run: Run): RestoreSearch | undefined {
  const { restore, destinations } = run;
  const [destination] = destinations ?? [];
  if (!restore || !destination) {
    return undefined;
  }
  const { snapshot, paths, target, overwrite, instance, into } = restore;
  if (into?.type === "mongodb" && (into.oplog === false || !areTypable([...(into.databases ?? []), ...(into.collections ?? [])]))) {
    // The form has no field for these, and would restore something else.
    return undefined;
  }
  const about = { repository: destination.repository, snapshot, node: run.node };
  if (instance) {
    return { ...about, instance };
  }
  return {
    ...about,
    ...(into ? intoSearch(into) : { target }),
    ...(paths && paths.length > 0 && { paths }),
    // Of collections and databases there is another choice, or none.
    ...(overwrite && (!into || into.type === "s3") && { overwrite }),
    ...(restore.delete && { delete: true }),
  };
}

export type Latest = { source: string; name: string; repository: string; snapshot: string; time: string };

/** The latest snapshot of each source of a plan, of backups that are sorted by time, the newest first. */
export function latestOf(plan: Pick<Plan, "id">, backups: readonly Run[]): Latest[] {
  const found = new Map<string, Latest>();
  for (const run of backups.filter((run) => run.plan?.id === plan.id && run.state === "completed")) {
    const source = run.source?.id ?? "";
    const reached = run.destinations?.find(({ state, snapshot }) => state === "completed" && snapshot);
    if (reached?.snapshot && !found.has(source)) {
      const time = run.ended ?? run.created;
      found.set(source, { source, name: run.source?.name ?? "", repository: reached.repository, snapshot: reached.snapshot, time });
    }
  }
  return [...found.values()];
}

/** A number that a run tells of, by its name. */
export function told(run: Run, name: string): number {
  const number = Number(run.outcome?.more?.[name] ?? 0);
  return Number.isFinite(number) ? number : 0;
}
