import { expect, it } from "vitest";

import { nearest, placed, roundUp, storageLine } from "./storageLine";

const DATES = ["2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z", "2026-03-04T00:00:00Z", "2026-03-05T00:00:00Z"];
const at = (day: number) => Date.parse(`2026-03-0${day}T00:00:00Z`);
const GIB = 1024 ** 3;

it("what lay there is a line of the days on which it is known", () => {
  const line = storageLine(DATES, { days: [null, 20 * GIB, null, 30 * GIB, null] });
  expect(line?.points).toEqual([
    { time: at(2), bytes: 20 * GIB, isForecast: false },
    { time: at(4), bytes: 30 * GIB, isForecast: false },
  ]);
  expect(line?.top).toBe(32 * GIB);
});

it("one day alone is no line", () => {
  expect(storageLine(DATES, { days: [null, 20, null, null, null] })).toBeUndefined();
  expect(storageLine(DATES, { days: [] })).toBeUndefined();
});

it("a forecast goes on to where it is full, and not far beyond what is known", () => {
  const days = [10, null, 20, null, null];
  const near = storageLine(DATES, { days, free: 5, full: "2026-03-04T00:00:00Z" });
  expect(near?.points.at(-1)).toEqual({ time: at(4), bytes: 25, isForecast: true });
  const far = storageLine(DATES, { days, free: 100, full: "2026-03-23T00:00:00Z" });
  expect(far?.points.at(-1)).toEqual({ time: at(5), bytes: 30, isForecast: true });
  const past = storageLine(DATES, { days, free: 0, full: "2026-03-03T00:00:00Z" });
  expect(past?.points.every(({ isForecast }) => !isForecast)).toBe(true);
});

it("places are told from left to right and from the top", () => {
  const line = storageLine(DATES, { days: [0, 5, null, null, 10] });
  expect(line?.points.map((point) => line && placed(line, point))).toEqual([
    { x: 0, y: 100 },
    { x: 25, y: 50 },
    { x: 100, y: 0 },
  ]);
  expect(line && [0, 12, 13, 60, 99].map((x) => nearest(line, x))).toEqual([0, 0, 1, 1, 2]);
});

it("the top is a round number of a unit", () => {
  expect([1, 3, 1000, 1025, 30 * GIB, 900 * GIB].map(roundUp)).toEqual([1, 4, 1024, 2048, 32 * GIB, 1024 * GIB]);
});
