import { expect, it } from "vitest";

import { newConnectionSearch, nodeSearch, runSearch, runsSearch } from "./search";

it("what an address filters by is taken, and nonsense left out", () => {
  expect(runSearch({ state: "failed", kind: "backup", since: "2026-03-01", page: 2 })).toEqual({
    state: "failed",
    kind: "backup",
    since: "2026-03-01",
  });
  expect(runSearch({ state: 7, kind: "dance", since: "yesterday", until: "2026-13-01", plan: "" })).toEqual({});
});

it("a page of runs is named by what it follows", () => {
  const after = "1764136800000000.0197c1d0-0000-7000-8000-000000000001.0";
  expect(runsSearch({ after, state: "failed" })).toEqual({ after, state: "failed" });
  expect(runsSearch({ after: "2", kind: "prune" })).toEqual({ kind: "prune" });
  expect(runsSearch({ after: `${after}; drop` })).toEqual({});
});

it("what a new record begins with is taken where it makes sense", () => {
  expect(newConnectionSearch({ type: "s3" })).toEqual({ type: "s3" });
  expect(newConnectionSearch({ type: "floppy" })).toEqual({});
  expect(nodeSearch({ node: "0197" })).toEqual({ node: "0197" });
  expect(nodeSearch({ node: 3 })).toEqual({});
});
