import { expect, it } from "vitest";

import { auditSearch } from "./peopleSearch";

it("what an address filters the audit by is taken, and nonsense left out", () => {
  const search = { actor: "ada@example.org", action: "plan.update", since: "2026-03-01", cursor: 100, entry: 7 };
  expect(auditSearch(search)).toEqual(search);
  expect(auditSearch({ actor: 7, action: "", since: "soon", until: "2026-13-01", cursor: -1, entry: "x" })).toEqual({});
});
