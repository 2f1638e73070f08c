import { expect, it } from "vitest";

import { example, wrongFolder, wrongName } from "./naming";

it("names are what the server makes of the same patterns", () => {
  expect(example("{plan}", "{source}-{type}-{date:%Y%m%dT%H%M%SZ}", ".zip.age")).toBe("nightly/mysql-full-20260131T230509Z.zip.age");
  expect(example("", "Data", ".zip")).toBe("Data.zip");
  expect(example("{host}/{server}/{date:%Y/%m}", "{database}_{date}_{n}", ".tar.zst")).toBe("web1/db1/2026/01/shop_2026-01-31_1.tar.zst");
  expect(example("{{a}}", "x{{y}}", ".zip")).toBe("{a}/x{y}.zip");
  expect(example("", "{date:%a %b %e %I:%M %p %j %s}", ".zip")).toBe("Sat Jan 31 11_05 PM 031 1769900709.zip");
});

it("a name is one that every system takes, whatever the pattern", () => {
  expect(example(" a / .b /", "-{date:%T}: <x>?.", ".zip")).toBe("a/b/23_05_09_ _x__.zip");
  expect(example("", "...", ".zip")).toBe("_.zip");
  const long = example("", "ü".repeat(300), ".zip") ?? "";
  expect(new TextEncoder().encode(long).length).toBeLessThanOrEqual(255 - 32);
  expect(long.endsWith("ü.zip")).toBe(true);
});

it("what is wrong with a pattern is told", () => {
  const kinds = (patterns: string[], check: typeof wrongName) => patterns.map((pattern) => check(pattern)?.kind);
  expect(kinds(["{source}", " ", "{nobody}", "{date", "date}", "a/b", "a\\b", "{date:%Y/%m}", "{date:}", "a\u0007", "x".repeat(1025)], wrongName)).toEqual(
    [undefined, "empty", "field", "brace", "brace", "separator", "separator", "separator", "date", "control", "long"],
  );
  expect(wrongName("{nobody}")).toEqual({ kind: "field", field: "nobody" });
  expect(kinds(["", "{host}/{plan}", "{date:%Y/%m}", "a/../b", "./a", "{n}", "a\\b", "{x}", " "], wrongFolder)).toEqual(
    [undefined, undefined, undefined, "dots", "dots", "number", "separator", "field", "empty"],
  );
});

it("what only the server can tell has no example, and is not called wrong", () => {
  expect(example("", "{date:%-d}", ".zip")).toBeUndefined();
  expect(wrongName("{date:%-d}")).toBeUndefined();
  expect(example("{nobody}", "a", ".zip")).toBeUndefined();
});
