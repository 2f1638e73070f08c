// A source as its form holds it, and back.

import { z } from "zod";

import type { Schemas } from "../api/client";
import { BYTES, amountOf, valueOf } from "./amount";
import { bucketSchema, bucketSpec, bucketValues, emptyBucket, type BucketValues, type BucketWords } from "./bucket";
import { settingsSchema } from "./connection";
import { NEW, madeEmpty, madeSchema, type MadeValues } from "./destination";
import { lines } from "./lines";
import { emptyMongodb, mongodbSchema, mongodbSpec, mongodbValues, type MongodbValues, type MongodbWords } from "./mongodb";
import { emptyMysql, mysqlSchema, mysqlSpec, mysqlValues, type MysqlValues, type MysqlWords } from "./mysql";
import { pathLines } from "./pathLines";
import { SOURCE_TYPES, isService, type SourceType } from "./search";
import { emptySqlite, sqliteSchema, sqliteSpec, sqliteValues, type SqliteValues, type SqliteWords } from "./sqlite";

export type FilesSpec = Extract<Schemas["SourceSpec"], { type: "files" }>;

type FilesWords = { required: string; absolute: string; upwards: string };
type Words = FilesWords & MysqlWords & MongodbWords & SqliteWords & BucketWords & Parameters<typeof settingsSchema>[0];

const amount = z.object({ amount: z.number().nullable(), unit: z.string() });

export function filesSchema(words: FilesWords) {
  return z.object({
    // One path on each line, as one can also type them.
    paths: pathLines(words).refine((text) => lines(text).length > 0, words.required),
    excludes: z.string(),
    exclude_if_present: z.string(),
    exclude_caches: z.boolean(),
    exclude_larger_than: amount,
    one_file_system: z.boolean(),
  });
}

export type FilesValues = z.infer<ReturnType<typeof filesSchema>>;

/** What counts of the values of each type is what that type asks for. */
export function sourceSchema(words: Words) {
  const fields = z.object({
    project: z.string(),
    name: z.string().trim().min(1, words.required),
    node: z.string(),
    type: z.enum(SOURCE_TYPES),
    spec: z.custom<FilesValues>(),
    mysql: z.custom<MysqlValues>(),
    mongodb: z.custom<MongodbValues>(),
    sqlite: z.custom<SqliteValues>(),
    s3: z.custom<BucketValues>(),
    // The connection that is made along with the source counts only where one is.
    made: z.custom<MadeValues>(),
  });
  const others = { mysql: mysqlSchema(words), mongodb: mongodbSchema(words), sqlite: sqliteSchema(words), s3: bucketSchema(words) };
  const [files, made] = [filesSchema(words), madeSchema(words)];
  return fields.superRefine((values, { addIssue }) => {
    const add = (at: string, found: z.ZodError | undefined) =>
      found?.issues.forEach(({ path, message }) => addIssue({ code: "custom", path: [at, ...path], message }));
    if (values.type === "files") {
      return add("spec", files.safeParse(values.spec).error);
    }
    add(values.type, others[values.type].safeParse(values[values.type]).error);
    if (isService(values.type) && values[values.type].connection === NEW) {
      add("made", made.safeParse(values.made).error);
    }
  });
}

export type SourceValues = z.infer<ReturnType<typeof sourceSchema>>;

export const emptyFiles: FilesValues = {
  paths: "",
  excludes: "",
  exclude_if_present: "",
  exclude_caches: true,
  exclude_larger_than: { amount: null, unit: "GiB" },
  one_file_system: false,
};

type Spec = Pick<SourceValues, "type" | "spec" | "mysql" | "mongodb" | "sqlite" | "s3" | "made">;

export const emptySpec = (type: SourceType): Spec => ({
  type,
  spec: emptyFiles,
  mysql: emptyMysql,
  mongodb: emptyMongodb,
  sqlite: emptySqlite,
  s3: emptyBucket,
  made: madeEmpty(isService(type) ? type : "mysql"),
});

export function specValues(spec: Schemas["SourceSpec"]): Spec {
  const empty = emptySpec(spec.type);
  switch (spec.type) {
    case "files":
      return { ...empty, spec: filesValues(spec) };
    case "mysql":
      return { ...empty, mysql: mysqlValues(spec) };
    case "mongodb":
      return { ...empty, mongodb: mongodbValues(spec) };
    case "sqlite":
      return { ...empty, sqlite: sqliteValues(spec) };
    case "s3":
      return { ...empty, s3: bucketValues(spec) };
  }
}

export function specOf({ type, spec, mysql, mongodb, sqlite, s3 }: Spec): Schemas["SourceSpec"] {
  switch (type) {
    case "files":
      return filesSpec(spec);
    case "mysql":
      return mysqlSpec(mysql);
    case "mongodb":
      return mongodbSpec(mongodb);
    case "sqlite":
      return sqliteSpec(sqlite);
    case "s3":
      return bucketSpec(s3);
  }
}

const filesValues = (spec: FilesSpec): FilesValues => ({
  paths: spec.paths.join("\n"),
  excludes: (spec.excludes ?? []).join("\n"),
  exclude_if_present: (spec.exclude_if_present ?? []).join("\n"),
  exclude_caches: spec.exclude_caches ?? false,
  exclude_larger_than: amountOf(spec.exclude_larger_than, BYTES, "GiB"),
  one_file_system: spec.one_file_system ?? false,
});

export function filesSpec(values: FilesValues): FilesSpec {
  const largest = valueOf(values.exclude_larger_than, BYTES);
  return {
    type: "files",
    paths: lines(values.paths),
    excludes: lines(values.excludes),
    exclude_if_present: lines(values.exclude_if_present),
    exclude_caches: values.exclude_caches,
    one_file_system: values.one_file_system,
    ...(largest !== null && { exclude_larger_than: largest }),
  };
}

/** The form's field for one that the server names. A line of paths or patterns that is refused is one of the whole field. */
export function fieldOf(field: string, { type, mysql }: Pick<SourceValues, "type" | "mysql">): string {
  const whole = field.replace(/(\.\d+|\[\d+\])$/, "");
  if (type === "files" || !whole.startsWith("spec.")) {
    return whole;
  }
  const within = whole.replace(/^spec\.(method\.)?/, "");
  if (type === "mysql" && within === "service") {
    return mysql.control === "commands" ? "mysql.stop.program" : `mysql.${mysql.control}`;
  }
  return `${type}.${within}`;
}
