// Databases of SQLite: a source as its form holds it, and back; and which of a snapshot are put back in their place.

import { z } from "zod";

import type { Schemas } from "../api/client";
import type { Run } from "../api/queries";
import type { Snapshot } from "../api/snapshots";
import { lines } from "./lines";
import { pathLines } from "./pathLines";
import { isCovered } from "./paths";

export type SqliteSpec = Extract<Schemas["SourceSpec"], { type: "sqlite" }>;

export type SqliteWords = { required: string; absolute: string; upwards: string };

export function sqliteSchema(words: SqliteWords) {
  return z.object({
    // One path on each line, as one can also type them.
    databases: pathLines(words).refine((text) => lines(text).length > 0, words.required),
    spool: pathLines(words),
  });
}

export type SqliteValues = z.infer<ReturnType<typeof sqliteSchema>>;

export const emptySqlite: SqliteValues = { databases: "", spool: "" };

export const sqliteValues = ({ databases, spool }: SqliteSpec): SqliteValues => ({ databases: databases.join("\n"), spool: spool ?? "" });

export function sqliteSpec(values: SqliteValues): SqliteSpec {
  const spool = values.spool.trim();
  return { type: "sqlite", databases: [...new Set(lines(values.databases))], ...(spool !== "" && { spool }) };
}

/** Whether a text can be the path of a file. */
export const isFilePath = (text: string): boolean => text.startsWith("/") && !text.endsWith("/") && !text.split("/").includes("..") && !text.includes("\0");

/** Whether a snapshot may be one of databases: where there are sources of them, or it is not just what a source of files has. */
export function mayHoldDatabases({ paths }: Pick<Snapshot, "paths">, specs: readonly Schemas["SourceSpec"][]): boolean {
  const isOf = (files: readonly string[]) => files.length === paths.length && files.every((path) => paths.includes(path));
  return specs.some(({ type }) => type === "sqlite") || !specs.some((spec) => spec.type === "files" && isOf(spec.paths));
}

/** The databases that lie in what was chosen of their snapshot; all of them where nothing was. */
export function chosenOf(databases: readonly string[], paths: readonly string[] = []): readonly string[] {
  const marks = new Set(paths);
  return paths.length === 0 ? databases : databases.filter((path) => marks.has(path) || isCovered(path, marks));
}

/** What is chosen of a snapshot after one of its databases was ticked or no longer is; nothing where all of them are. */
export function withDatabase(databases: readonly string[], chosen: readonly string[], database: string, on: boolean): string[] | undefined {
  const after = databases.filter((one) => (one === database ? on : chosen.includes(one)));
  return after.length === databases.length ? undefined : after;
}

/** Where a restore has kept what was in the place of databases. */
export const keptOf = ({ outcome }: Pick<Run, "outcome">): string[] =>
  (outcome?.more?.kept ?? "").split("\n").filter((path) => path !== "");
