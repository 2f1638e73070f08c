// A source that is a bucket of an S3 service, as its form holds it, and back; and what keys may begin with.

import { z } from "zod";

import type { Schemas } from "../api/client";
import { BYTES, amountOf, valueOf } from "./amount";
import { lines } from "./lines";
import { amount } from "./plan/schedule";

export type BucketSpec = Extract<Schemas["SourceSpec"], { type: "s3" }>;

export type BucketWords = { required: string; dots: string; long: string };

/** Bytes that a key may have. */
const LONGEST_KEY = 1024;

/** What is wrong with a prefix, as the server has it. */
export function wrongPrefix(prefix: string): "dots" | "long" | undefined {
  if (new TextEncoder().encode(prefix).length > LONGEST_KEY) {
    return "long";
  }
  return prefix.split("/").some((part) => part === "." || part === "..") ? "dots" : undefined;
}

export function bucketSchema(words: BucketWords) {
  return z.object({
    connection: z.string().min(1, words.required),
    // One on each line.
    prefixes: z.string().superRefine((text, { addIssue }) => {
      const [wrong] = lines(text).flatMap((prefix) => wrongPrefix(prefix) ?? []);
      if (wrong !== undefined) {
        addIssue({ code: "custom", message: words[wrong] });
      }
    }),
    excludes: z.string(),
    exclude_larger_than: amount,
    tags: z.boolean(),
  });
}

export type BucketValues = z.infer<ReturnType<typeof bucketSchema>>;

export const emptyBucket: BucketValues = {
  connection: "",
  prefixes: "",
  excludes: "",
  exclude_larger_than: { amount: null, unit: "GiB" },
  tags: true,
};

export const bucketValues = ({ connection, prefixes = [], excludes = [], exclude_larger_than, tags = true }: BucketSpec): BucketValues => ({
  connection,
  prefixes: prefixes.join("\n"),
  excludes: excludes.join("\n"),
  exclude_larger_than: amountOf(exclude_larger_than, BYTES, "GiB"),
  tags,
});

export function bucketSpec(values: BucketValues): BucketSpec {
  const largest = valueOf(values.exclude_larger_than, BYTES);
  return {
    type: "s3",
    connection: values.connection,
    prefixes: lines(values.prefixes),
    excludes: lines(values.excludes),
    tags: values.tags,
    ...(largest !== null && { exclude_larger_than: largest }),
  };
}
