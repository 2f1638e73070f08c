// What a first load costs, and whether anything moves while a page comes.

import { join } from "node:path";

import type { Browser } from "@playwright/test";

import { note } from "./figures";
import { bench, type Server } from "./server";
import { settled, watch } from "./watch";

const ROUNDS = 7;
/** As on a way of 150 ms there and back: what comes late shows what it moves. */
const SLOW = { offline: false, latency: 150, downloadThroughput: -1, uploadThroughput: -1 };

type Load = { ms: number; bytes: number; requests: number; shift: number; moved: string[] };

/** Loads a page as somebody does who has never been there. */
async function load(browser: Browser, server: Server, path: string, options: { slow?: boolean; width?: number; heading?: string } = {}): Promise<Load> {
  const context = await browser.newContext({ viewport: { width: options.width ?? 1280, height: 800 } });
  const page = await context.newPage();
  await watch(page);
  if (options.slow === true) {
    const session = await context.newCDPSession(page);
    await session.send("Network.enable");
    await session.send("Network.emulateNetworkConditions", SLOW);
  }
  if (path === "/sign-in") {
    await page.goto(server.url + path);
  } else {
    await server.open(page, path);
  }
  const ms = await settled(page, options.heading);
  const sums = await page.evaluate(() => {
    const loaded = performance.getEntriesByType("resource") as PerformanceResourceTiming[];
    const scripts = loaded.filter(({ name }) => /\.js$/.test(new URL(name).pathname));
    const { shift, moved } = window.backstayWatched;
    return { bytes: scripts.reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0), requests: loaded.length + 1, shift, moved };
  });
  await context.close();
  return { ms, ...sums };
}

bench("first loads", async ({ browser, server }, info) => {
  await prepared(server);
  for (const [name, path, heading] of [["sign-in page", "/sign-in", "h1"], ["overview", "/", "main h1"], ["runs", "/runs", "main h1"]] as const) {
    const loads: Load[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      loads.push(await load(browser, server, path, { heading }));
    }
    const values = (of: keyof Omit<Load, "moved">) => loads.map((load) => load[of]);
    await note(info, { what: `script of the first load: ${name}`, unit: "kB, packed", bar: "250", values: values("bytes").map((bytes) => bytes / 1000) });
    await note(info, { what: `requests of the first load: ${name}`, unit: "", values: values("requests") });
    await note(info, { what: `all is there and can be used: ${name}`, unit: "ms", bar: "1000", values: values("ms") });
  }
});

bench("what moves while pages come", async ({ browser, server }, info) => {
  bench.setTimeout(30 * 60_000);
  for (const [name, path] of await prepared(server)) {
    const loads: Load[] = [];
    for (const width of [1280, 390]) {
      for (const slow of [false, true, true]) {
        loads.push(await load(browser, server, path, { slow, width }));
      }
    }
    const moved = [...new Set(loads.flatMap(({ moved }) => moved))];
    await note(info, { what: `layout shift: ${name}`, unit: "", bar: "0.05", values: loads.map(({ shift }) => shift), more: { moved } });
  }
});

/** A server with something on every page. Gives the pages. */
async function prepared(server: Server): Promise<[string, string][]> {
  const plan = await server.plan("Letters");
  const run = await server.run(plan);
  await server.run(await server.planFor("Old disk", "/nowhere/at/all"));
  const [[repository], [node], [destination]] = [await server.items("/repositories"), await server.items("/nodes"), await server.items("/destinations")];
  const path = encodeURIComponent(join(server.folder, "files"));
  return [
    ["overview", "/"],
    ["runs", "/runs"],
    ["a run", `/runs/${run.id}`],
    ["snapshots", "/snapshots"],
    ["a snapshot", `/snapshots/${repository?.id}/latest?path=${path}`],
    ["plans", "/plans"],
    ["a plan", `/plans/${plan.id}`],
    ["a plan's form", `/plans/${plan.id}/edit`],
    ["sources", "/sources"],
    ["destinations", "/destinations"],
    ["a destination", `/destinations/${destination?.id}`],
    ["connections", "/connections"],
    ["nodes", "/nodes"],
    ["a node", `/nodes/${node?.id}`],
    ["alerts", "/alerts"],
    ["people", "/people"],
    ["audit", "/audit"],
    ["settings", "/settings"],
    ["recovery", "/recovery"],
    ["account", "/me"],
    ["restore", `/restore?plan=${plan.id}&snapshot=latest`],
  ];
}
