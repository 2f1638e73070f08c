import { expect, it } from "vitest";

import { idleState, renewal } from "./idle";

const MINUTE = 60_000;

it("the end is said two minutes before it", () => {
  const at = (minutes: number) => idleState(0, minutes * MINUTE, 30 * MINUTE);
  expect([at(0), at(27.9), at(28), at(29.9), at(30), at(600)]).toEqual([
    "active",
    "active",
    "warning",
    "warning",
    "over",
    "over",
  ]);
});

it("of short times half are left before it is said", () => {
  expect(idleState(0, 29_000, MINUTE)).toBe("active");
  expect(idleState(0, 31_000, MINUTE)).toBe("warning");
  expect(renewal(MINUTE)).toBeLessThan(30_000);
});
