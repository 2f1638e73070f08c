// What a first backup asks the server for.

import { settingsOf } from "../lib/connection";
import { freeName, nameOfPaths, retentionOf, scheduleOf, type GuideValues } from "../lib/guide";
import { inside } from "../lib/paths";
import { filesSpec } from "../lib/source";
import { answer, api, type Schemas } from "./client";

/** What was made already: a second try goes on where the first was refused. */
export type Made = { connection?: string; destination?: string; source?: string; plan?: string; run?: string };

const names = (items: readonly { name: string }[]) => items.map(({ name }) => name);

/** Makes the records of a first backup and begins it. */
export async function begin(values: GuideValues, made: Made): Promise<Required<Pick<Made, "plan" | "run">>> {
  const { project, node } = values;
  const of = { params: { query: { project } } };
  const spec = filesSpec(values.spec);
  made.destination ??= await destination(values, made);
  if (made.source === undefined) {
    const { items } = await answer(api.GET("/api/v1/sources", of));
    const name = freeName(nameOfPaths(spec.paths), names(items));
    made.source = (await answer(api.POST("/api/v1/sources", { body: { project, node, name, spec } }))).id;
  }
  if (made.plan === undefined) {
    const { items } = await answer(api.GET("/api/v1/plans", of));
    const body: Schemas["PlanForm"] = {
      project,
      name: freeName(nameOfPaths(spec.paths), names(items)),
      sources: [made.source],
      destinations: [made.destination],
      schedule: scheduleOf(values.when, Intl.DateTimeFormat().resolvedOptions().timeZone),
      retention: retentionOf(values.keep),
    };
    made.plan = (await answer(api.POST("/api/v1/plans", { body }))).id;
  }
  const params = { path: { id: made.plan } };
  const { runs } = await answer(api.POST("/api/v1/plans/{id}/run", { params, body: { kind: "backup" } }));
  return { plan: made.plan, run: runs[0] ?? "" };
}

/** The place that is there from the start, or a new one that was tried. */
async function destination({ project, node, place, settings }: GuideValues, made: Made): Promise<string> {
  const of = { params: { query: { project } } };
  const { items } = await answer(api.GET("/api/v1/destinations", of));
  const [first] = items;
  if (place === "here" && first !== undefined) {
    return first.id;
  }
  const wanted = settings.type === "local" ? nameOfPaths([settings.path]) : settings.bucket;
  if (made.connection === undefined) {
    const known = (await answer(api.GET("/api/v1/connections", of))).items;
    const body = { project, node, name: freeName(wanted, names(known)), settings: settingsOf(settings) };
    made.connection = (await answer(api.POST("/api/v1/connections", { body }))).id;
  }
  const body = { project, name: freeName(wanted, names(items)), connection: made.connection };
  return (await answer(api.POST("/api/v1/destinations", { body }))).id;
}

/** Folders that are looked into for a file. */
const FOLDERS = 50;
/** A file that is restored for a test is not larger than this. */
const LARGEST = 16 * 1024 * 1024;

type Place = { repository: string; snapshot: string };

/** A file of a snapshot that is good for a test; none when there is only what is too large or lies too far down. */
export async function fileToTry({ repository, snapshot }: Place): Promise<string | undefined> {
  const list = async (path: string) => {
    const params = { path: { id: repository, snapshot }, query: { path, limit: 500 } };
    return (await answer(api.GET("/api/v1/repositories/{id}/snapshots/{snapshot}/folder", { params }))).items;
  };
  const waiting = ["/"];
  for (let looked = 0; looked < FOLDERS && waiting.length > 0; looked += 1) {
    const folder = waiting.shift() ?? "/";
    const items = await list(folder);
    const file = items.find(({ kind, size }) => kind === "file" && (size ?? 0) > 0 && (size ?? 0) <= LARGEST);
    if (file !== undefined) {
      return inside(folder, file.name);
    }
    waiting.push(...items.filter(({ kind }) => kind === "folder").map(({ name }) => inside(folder, name)));
  }
  return undefined;
}
