import { expect, it } from "vitest";

import { runSearch } from "./search";

it("what an address filters by is taken, and nonsense left out", () => {
  expect(runSearch({ state: "failed", kind: "backup", since: "2026-03-01", page: 2 })).toEqual({
    state: "failed",
    kind: "backup",
    since: "2026-03-01",
  });
  expect(runSearch({ state: 7, kind: "dance", since: "yesterday", until: "2026-13-01", plan: "" })).toEqual({});
});
