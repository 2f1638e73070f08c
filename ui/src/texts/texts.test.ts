import { expect, it } from "vitest";

import { en } from "./en";

const files = import.meta.glob<string>("../**/*.{ts,tsx}", { query: "?raw", import: "default", eager: true });
const pages = Object.entries(files).filter(([path]) => !path.endsWith(".test.ts") && path.startsWith("../"));
const words = new Set(pages.flatMap(([, text]) => text.match(/[\w-]+/g) ?? []));

/** The ways to all texts. */
function waysOf(texts: object, way: string): string[] {
  return Object.entries(texts).flatMap(([name, text]) => {
    const here = `${way}.${name}`;
    return typeof text === "object" && text !== null && !Array.isArray(text) ? waysOf(text as object, here) : [here];
  });
}

it("every text is asked for by its name somewhere", () => {
  // Those whose name is no word are found by what people enter.
  const ways = waysOf(en, "en").filter((way) => /\.[\w-]+$/.test(way));
  expect(ways.length).toBeGreaterThan(500);
  expect(ways.filter((way) => !words.has(way.slice(way.lastIndexOf(".") + 1)))).toEqual([]);
});
