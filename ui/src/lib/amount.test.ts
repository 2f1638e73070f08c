import { describe, expect, it } from "vitest";

import { BYTES, amountOf, timeOf, timeText, valueOf } from "./amount";

describe("an amount", () => {
  it.each([
    [1024, 1, "KiB"],
    [1536, 1536, "B"],
    [5 * 1024 ** 3, 5, "GiB"],
    [100_000, 100_000, "B"],
    [0, 0, "B"],
  ])("of %d bytes is shown whole, and comes back", (value, amount, unit) => {
    const shown = amountOf(value, BYTES, "MiB");
    expect(shown).toEqual({ amount, unit });
    expect(valueOf(shown, BYTES)).toBe(value);
  });

  it("that is not there has its usual unit", () => {
    expect(amountOf(null, BYTES, "MiB")).toEqual({ amount: null, unit: "MiB" });
    expect(valueOf({ amount: null, unit: "MiB" }, BYTES)).toBeNull();
  });

  it("may have a fraction", () => expect(valueOf({ amount: 1.5, unit: "KiB" }, BYTES)).toBe(1536));
});

describe("a length of time", () => {
  it.each([
    ["1d12h", "36h"],
    ["7d", "7d"],
    ["90s", "90s"],
    ["1h30m", "90m"],
  ])("%s is asked for as %s", (text, again) => expect(timeText(timeOf(text, "h"))).toBe(again));

  it("with a fraction is told in seconds", () => expect(timeText({ amount: 1.5, unit: "h" })).toBe("5400s"));
});
