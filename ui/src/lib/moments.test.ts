import { expect, it } from "vitest";

import { isWithin, windowsOf } from "./moments";

const log = (destination: string, ...moments: [string, string][]) => ({
  plan: "p",
  source: { id: "s", name: "Shop" },
  destination: { id: destination, name: destination },
  moments: moments.map(([from, until]) => ({ from: `2026-11-26T${from}Z`, until: `2026-11-26T${until}Z` })),
});

it("moments are those of the destination, both ends included, and gaps are none", () => {
  const logs = [log("a", ["10:00:00", "11:00:00"], ["12:00:00", "12:30:00"]), log("b", ["08:00:00", "13:00:00"])];
  const windows = windowsOf(logs, "a") ?? [];
  const within = (time: string) => isWithin(windows, `2026-11-26T${time}Z`);
  expect([within("10:00:00"), within("11:00:00"), within("12:10:30")]).toEqual([true, true, true]);
  expect([within("09:59:59"), within("11:00:01"), within("12:30:01")]).toEqual([false, false, false]);
  // A log that has none yet is not one that nobody has told of.
  expect(windowsOf([log("a")], "a")).toEqual([]);
  expect(windowsOf(logs, "c")).toBeUndefined();
});
