import { expect, it } from "vitest";

import { exampleOf, holdsOf, holdsSchema, holdsValues } from "./archives";

const words = { fullEvery: "count", positive: "positive", pattern: ({ kind }: { kind: string }) => kind };
const problems = (values: unknown) =>
  holdsSchema(words)
    .safeParse(values)
    .error?.issues.map(({ path, message }) => `${path.join(".")}: ${message}`) ?? [];
const usual = { ...holdsValues(undefined), type: "archives" } as const;

it("what is stored comes back as it was", () => {
  expect(holdsOf(holdsValues(undefined))).toEqual({ type: "repository" });
  expect(holdsOf(usual)).toEqual({
    type: "archives",
    format: "zip",
    mongodb: "mongodump",
    encryption: "age",
    name: "{source}-{type}-{date:%Y%m%dT%H%M%SZ}",
    folder: "{plan}",
    between: "incremental",
    full_every: 1,
  });
  const stored = {
    type: "archives",
    format: "zip",
    mongodb: "files",
    compression: "zstd",
    encryption: "plain",
    name: "Data",
    folder: "",
    between: "differential",
    full_every: 7,
    split_over: 4_700_000_001,
  } as const;
  expect(holdsOf(holdsValues(stored))).toEqual(stored);
  expect(holdsValues({ ...stored, split_over: 4_700_000_000_000 }).split_over).toEqual({ amount: 4700, unit: "GB" });
  expect(holdsValues({ ...stored, split_over: 100_000_000_000 }).split_over).toEqual({ amount: 100, unit: "GB" });
});

it("tar.zst has one way of compressing", () => {
  expect(holdsOf({ ...usual, format: "tar.zst", compression: "deflate" })).not.toHaveProperty("compression");
});

it("archives need sensible patterns and numbers; a repository needs none of them", () => {
  expect(problems(usual)).toEqual([]);
  const odd = { ...usual, name: "{nobody}", folder: "..", full_every: 0, split_over: { amount: 0, unit: "GB" } };
  expect(problems(odd)).toEqual(["name: field", "folder: dots", "full_every: count", "split_over: positive"]);
  expect(problems({ ...odd, type: "repository" })).toEqual([]);
  for (const full_every of [null, 1.5, 1001]) {
    expect(problems({ ...usual, full_every })).toEqual(["full_every: count"]);
  }
});

it("the example has the name that such an archive would have", () => {
  expect(exampleOf(usual)).toBe("nightly/mysql-full-20260131T230509Z.zip.age");
  expect(exampleOf({ ...usual, format: "tar.zst", encryption: "plain", folder: "" })).toBe("mysql-full-20260131T230509Z.tar.zst");
  expect(exampleOf({ ...usual, name: "{" })).toBeUndefined();
});
