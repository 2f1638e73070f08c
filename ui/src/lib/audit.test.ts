import { expect, it } from "vitest";

import { asCsv, asked, nameOf, type Entry } from "./audit";

const entry = (more: Partial<Entry>): Entry => ({
  number: 7,
  time: "2026-03-01T12:00:00Z",
  actor: "ada@example.org",
  action: "plan.update",
  subject: "plan 0197a1b2-0000-7000-8000-000000000001 Letters, =and more",
  hash: "00ff",
  ...more,
});

it("an entry is called by the name of what it is about", () => {
  expect(nameOf(entry({}))).toBe("Letters, =and more");
  expect(nameOf(entry({ subject: "settings smtp" }))).toBe("settings smtp");
  expect(nameOf(entry({ subject: "join token 0197a1b2-0000-7000-8000-000000000001" }))).toMatch(/^join token/);
});

it("days of a filter are whole", () => {
  const { since, until } = asked({ since: "2026-03-01", until: "2026-03-01" });
  expect(Date.parse(until ?? "") - Date.parse(since ?? "")).toBe(86_400_000);
  expect(asked({ project: undefined, action: "plan.update" })).toEqual({ action: "plan.update" });
});

it("entries are kept with all that they hold", () => {
  const [, line] = asCsv([entry({ after: { name: "Letters" } as never })]).split("\r\n");
  expect(line).toBe(
    '7,2026-03-01T12:00:00Z,,ada@example.org,plan.update,"plan 0197a1b2-0000-7000-8000-000000000001 Letters, =and more",,,"{""name"":""Letters""}",00ff',
  );
});
