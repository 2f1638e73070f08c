// What Lighthouse says of four pages. It is fetched for this and is no dependency; where that cannot be done, nothing is measured.

import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { expect } from "@playwright/test";

import { note } from "./figures";
import { bench } from "./server";

/** The last version that runs with Node.js 20. */
const VERSION = "12.8.2";
const CATEGORIES = ["accessibility", "best-practices"] as const;

type Report = {
  finalDisplayedUrl: string;
  categories: Record<string, { score: number | null; auditRefs: { id: string; weight: number }[] }>;
  audits: Record<string, { score: number | null; title: string }>;
};

bench("Lighthouse", async ({ server, page }, info) => {
  const { use } = info.project;
  const { executablePath, env } = use.launchOptions ?? {};
  const run = promisify(execFile);
  const tool = ["--yes", `lighthouse@${VERSION}`];
  try {
    await run("npx", [...tool, "--version"], { timeout: 180_000 });
  } catch (error) {
    bench.skip(true, `lighthouse cannot be had: ${String(error)}`);
  }
  await server.run(await server.plan("Letters"));
  const [repository] = await server.items("/repositories");
  await server.open(page, "/nodes");
  const cookie = (await page.context().cookies()).map(({ name, value }) => `${name}=${value}`).join("; ");
  const folder = mkdtempSync(join(tmpdir(), "backstay-lighthouse-"));
  const pages = [
    ["sign-in page", "/sign-in", ""],
    ["overview", "/", cookie],
    ["runs", "/runs", cookie],
    ["a snapshot", `/snapshots/${repository?.id}/latest`, cookie],
  ] as const;
  for (const [name, path, cookie] of pages) {
    const to = join(folder, "report.json");
    const options = [
      `--only-categories=${CATEGORIES.join(",")}`,
      "--preset=desktop",
      "--output=json",
      `--output-path=${to}`,
      "--chrome-flags=--headless --no-sandbox",
      "--quiet",
      ...(cookie === "" ? [] : [`--extra-headers=${JSON.stringify({ Cookie: cookie })}`]),
    ];
    await run("npx", [...tool, server.url + path, ...options], {
      env: { ...process.env, ...env, ...(executablePath !== undefined && { CHROME_PATH: executablePath }) },
      timeout: 240_000,
    });
    const report = JSON.parse(readFileSync(to, "utf8")) as Report;
    expect(new URL(report.finalDisplayedUrl).pathname, "what was looked at").toBe(path);
    for (const category of CATEGORIES) {
      const { score = null, auditRefs = [] } = report.categories[category] ?? {};
      const short = auditRefs.filter(({ id, weight }) => weight > 0 && (report.audits[id]?.score ?? 1) < 1).map(({ id }) => id);
      await note(info, { what: `Lighthouse ${VERSION}, ${category}: ${name}`, unit: "of 100", bar: "100", values: [100 * (score ?? 0)], more: { short } });
    }
  }
});
