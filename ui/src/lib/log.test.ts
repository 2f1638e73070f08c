import { expect, it } from "vitest";

import { chosen, joined, plain, type Line } from "./log";

const line = (number: number, level: Line["level"], text: string): Line => ({
  number,
  level,
  text,
  step: "read",
  run: "0197",
  time: "2026-03-01T12:00:00Z",
});

it("lines are chosen by level and text", () => {
  const lines = [line(1, "debug", "opened"), line(2, "info", "Read /home"), line(3, "error", "cannot read /root")];
  expect(chosen(lines, "debug", "")).toBe(lines);
  expect(chosen(lines, "info", "").map(({ number }) => number)).toEqual([2, 3]);
  expect(chosen(lines, "debug", "READ /").map(({ number }) => number)).toEqual([2, 3]);
  expect(chosen(lines, "error", "home")).toEqual([]);
});

it("a line is copied with all that is known of it", () => {
  expect(plain(line(2, "info", "Read /home"))).toBe("2026-03-01T12:00:00Z info    read: Read /home");
});

it("what came by two questions at once stands in the log once", () => {
  const first = [line(1, "info", "a"), line(2, "info", "b")];
  const both = joined(joined([], first), [...first, line(3, "info", "c")]);
  expect(both.map(({ number }) => number)).toEqual([1, 2, 3]);
  expect(joined(both, first)).toBe(both);
});
