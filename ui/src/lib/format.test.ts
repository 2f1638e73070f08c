import { describe, expect, it } from "vitest";

import { duration, percent, relative, size } from "./format";

describe("sizes", () => {
  it.each([
    [0, "0 B"],
    [1023, "1,023 B"],
    [1024, "1.0 KiB"],
    [1536 * 1024, "1.5 MiB"],
    [400 * 1024 ** 3, "400 GiB"],
    [5 * 1024 ** 6, "5,120 PiB"],
  ])("%d bytes", (bytes, text) => expect(size(bytes, "en")).toBe(text));

  it("follow the language", () => expect(size(1536, "de")).toBe("1,5 KiB"));
});

describe("durations", () => {
  it.each([
    [0.42, "0.4 s"],
    [59, "59 s"],
    [200, "3 min 20 s"],
    [7500, "2 h 05 min"],
    [200_000, "2 d 7 h"],
  ])("%d seconds", (seconds, text) => expect(duration(seconds, "en")).toBe(text));
});

describe("moments seen from now", () => {
  const now = Date.parse("2026-03-01T12:00:00Z");
  it.each([
    ["2026-03-01T11:59:30Z", "just now"],
    ["2026-03-01T11:30:00Z", "30 minutes ago"],
    ["2026-03-01T14:30:00Z", "in 2 hours"],
    ["2026-02-28T11:00:00Z", "yesterday"],
  ])("%s", (time, text) => expect(relative(time, now, "en", "just now")).toBe(text));
});

it("a part of nothing is nothing", () => expect(percent(0, 0, "en")).toBe("0%"));
