// What a destination holds, as its form holds it, and back.

import { z } from "zod";

import type { Schemas } from "../api/client";
import { amountOf, valueOf, type Units } from "./amount";
import { example, wrongFolder, wrongName, type Wrong } from "./naming";

type Holds = Schemas["Holds"];
type Words = { fullEvery: string; positive: string; pattern: (wrong: Wrong) => string };

/** Archives are measured as disks and lines are: by thousands. */
export const DECIMAL: Units = [
  ["B", 1],
  ["MB", 1000 ** 2],
  ["GB", 1000 ** 3],
  ["TB", 1000 ** 4],
];

const MOST_BETWEEN = 1000;

export function holdsSchema(words: Words) {
  const fields = z.object({
    type: z.enum(["repository", "archives"]),
    format: z.enum(["zip", "tar.zst"]),
    mongodb: z.enum(["mongodump", "files"]),
    compression: z.enum(["", "store", "deflate", "zstd"]),
    encryption: z.enum(["age", "plain"]),
    name: z.string(),
    folder: z.string(),
    between: z.enum(["incremental", "differential"]),
    full_every: z.number().nullable(),
    split_over: z.object({ amount: z.number().nullable(), unit: z.string() }),
  });
  return fields.superRefine(({ type, name, folder, full_every, split_over }, { addIssue }) => {
    if (type === "repository") {
      return;
    }
    const wrong = (path: keyof z.infer<typeof fields>, message: string) => addIssue({ code: "custom", path: [path], message });
    for (const [path, found] of [["name", wrongName(name)], ["folder", wrongFolder(folder)]] as const) {
      if (found !== undefined) {
        wrong(path, words.pattern(found));
      }
    }
    if (full_every === null || !Number.isInteger(full_every) || full_every < 1 || full_every > MOST_BETWEEN) {
      wrong("full_every", words.fullEvery);
    }
    if (split_over.amount !== null && (valueOf(split_over, DECIMAL) ?? 0) < 1) {
      wrong("split_over", words.positive);
    }
  });
}

export type HoldsValues = z.infer<ReturnType<typeof holdsSchema>>;

export function holdsValues(holds: Holds | undefined): HoldsValues {
  const archives = holds?.type === "archives" ? holds : undefined;
  return {
    type: holds?.type ?? "repository",
    format: archives?.format ?? "zip",
    mongodb: archives?.mongodb ?? "mongodump",
    compression: archives?.compression ?? "",
    encryption: archives?.encryption ?? "age",
    name: archives?.name ?? "{source}-{type}-{date:%Y%m%dT%H%M%SZ}",
    folder: archives?.folder ?? "{plan}",
    between: archives?.between ?? "incremental",
    full_every: archives?.full_every ?? 1,
    split_over: amountOf(archives?.split_over, DECIMAL, "GB"),
  };
}

export function holdsOf(values: HoldsValues): Holds {
  if (values.type === "repository") {
    return { type: "repository" };
  }
  const { format, mongodb, compression, encryption, name, folder, between, full_every, split_over } = values;
  const size = valueOf(split_over, DECIMAL);
  return {
    type: "archives",
    format,
    mongodb,
    // The other format has one only.
    ...(format === "zip" && compression !== "" && { compression }),
    encryption,
    name,
    folder,
    between,
    full_every: full_every ?? 1,
    ...(size !== null && { split_over: size }),
  };
}

/** What stands behind the names of archives. */
export const extensionOf = ({ format, encryption }: Pick<HoldsValues, "format" | "encryption">): string =>
  `.${format}${encryption === "age" ? ".age" : ""}`;

/** Where an archive would lie within a destination's folder. */
export const exampleOf = (values: Pick<HoldsValues, "format" | "encryption" | "name" | "folder">): string | undefined =>
  example(values.folder, values.name, extensionOf(values));
