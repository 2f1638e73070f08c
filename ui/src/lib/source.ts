// A source of files as its form holds it, and back.

import { z } from "zod";

import type { Schemas } from "../api/client";
import { BYTES, amountOf, valueOf } from "./amount";
import { lines } from "./lines";

type Words = { required: string; absolute: string; upwards: string };

const amount = z.object({ amount: z.number().nullable(), unit: z.string() });

export function sourceSchema(words: Words) {
  return z.object({
    project: z.string(),
    name: z.string().trim().min(1, words.required),
    node: z.string(),
    spec: z.object({
      // One path on each line, as one can also type them.
      paths: z
        .string()
        .refine((text) => lines(text).length > 0, words.required)
        .refine((text) => lines(text).every((path) => path.startsWith("/")), words.absolute)
        .refine((text) => !lines(text).some((path) => path.split("/").includes("..")), words.upwards),
      excludes: z.string(),
      exclude_if_present: z.string(),
      exclude_caches: z.boolean(),
      exclude_larger_than: amount,
      one_file_system: z.boolean(),
    }),
  });
}

export type SourceValues = z.infer<ReturnType<typeof sourceSchema>>;

export const emptySpec: SourceValues["spec"] = {
  paths: "",
  excludes: "",
  exclude_if_present: "",
  exclude_caches: true,
  exclude_larger_than: { amount: null, unit: "GiB" },
  one_file_system: false,
};

export const specValues = (spec: Schemas["SourceSpec"]): SourceValues["spec"] => ({
  paths: spec.paths.join("\n"),
  excludes: (spec.excludes ?? []).join("\n"),
  exclude_if_present: (spec.exclude_if_present ?? []).join("\n"),
  exclude_caches: spec.exclude_caches ?? false,
  exclude_larger_than: amountOf(spec.exclude_larger_than, BYTES, "GiB"),
  one_file_system: spec.one_file_system ?? false,
});

export function specOf(values: SourceValues["spec"]): Schemas["SourceSpec"] {
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
