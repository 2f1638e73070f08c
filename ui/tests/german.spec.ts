// The dashboard in German: all of it, for a browser that asks for it and for who chooses it.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Page } from "@playwright/test";

import { de } from "../src/texts/de";
import { en } from "../src/texts/en";
import { accessible, expect, test } from "./server";
import { forgive, mainPages, settled, visit } from "./walk";

/** All texts of a language by where they stand. Of a sentence that takes names and numbers, the parts around these. */
function textsOf(words: unknown, place = ""): Map<string, string[]> {
  if (typeof words === "string") {
    return new Map([[place, [words]]]);
  }
  if (typeof words === "function") {
    const marks = ["\u0001", "\u0001", "\u0001", "\u0001"];
    const lists = marks.map((mark) => [mark]);
    for (const given of [marks, lists]) {
      try {
        const told: unknown = (words as (...args: unknown[]) => unknown)(...given);
        return new Map(typeof told === "string" ? [[place, told.split("\u0001")]] : []);
      } catch {
        // It takes something else.
      }
    }
    return new Map();
  }
  const all = new Map<string, string[]>();
  for (const [key, value] of Object.entries((words ?? {}) as object)) {
    textsOf(value, `${place}.${key}`).forEach((texts, where) => all.set(where, texts));
  }
  return all;
}

const GERMAN = textsOf(de);
const SPOKEN = [...GERMAN.values()].flat();
/** What only the English catalogue says: longer than a few letters, and in no text of the German one. */
const ENGLISH = [...textsOf(en)]
  .filter(([place]) => place !== ".name")
  .flatMap(([, texts]) => texts.map((text) => text.replace(/^[\s“”,:;.()–]+|[\s“”,:;.()–]+$/g, "")))
  .filter((text) => text.length > 3 && !SPOKEN.some((german) => german.includes(text)));

/** The texts of English on a page: what is written there, and what only assistive technology says. */
async function englishOn(page: Page): Promise<string[]> {
  const said = await page.evaluate(() => {
    const root = document.body.cloneNode(true) as HTMLElement;
    // What people and programs gave is in whatever language it is in.
    root.querySelectorAll("bdi, code, [role=log], textarea, [lang]").forEach((element) => element.remove());
    const attributes = ["aria-label", "title", "placeholder", "alt"];
    const more = [...root.querySelectorAll("*")].flatMap((one) => attributes.map((name) => one.getAttribute(name) ?? ""));
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    const texts: string[] = [];
    while (walker.nextNode() !== null) {
      texts.push(walker.currentNode.textContent ?? "");
    }
    return [...texts, ...more, document.title].map((text) => text.trim()).filter((text) => text !== "");
  });
  const words = (text: string) => new RegExp(`(?<![\\p{L}\\d])${text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}(?![\\p{L}\\d])`, "u");
  return ENGLISH.filter((text) => said.some((one) => words(text).test(one)));
}

test.use({ locale: "de-DE" });

test("the catalogue has enough in it to tell one language from the other", () => {
  expect(ENGLISH.length).toBeGreaterThan(500);
  expect(ENGLISH).toEqual(expect.arrayContaining(["Everything is protected", "Back up now", "Restore latest", "Search in the log"]));
});

test("a first backup, its run, its snapshot and a restore, all in German", async ({ page, server }) => {
  const folder = join(server.folder, "akten");
  mkdirSync(folder);
  writeFileSync(join(folder, "brief.txt"), "Sehr geehrte Damen und Herren\n".repeat(100_000));
  await server.open(page, "/first-backup");
  await expect(page.locator("html")).toHaveAttribute("lang", "de");
  await settled(page);
  expect(await englishOn(page)).toEqual([]);
  await page.getByRole("button", { name: de.guide.first.begin }).click();
  await expect(page.getByText(de.records.source.needPath)).toBeVisible();
  expect(await englishOn(page)).toEqual([]);
  await page.getByLabel(de.records.source.chosen, { exact: true }).fill(folder);
  await page.getByRole("button", { name: de.guide.first.begin }).click();
  await expect(page.getByText(de.guide.first.backedUp)).toBeVisible({ timeout: 60_000 });
  await page.getByRole("button", { name: de.guide.first.tryRestore }).click();
  await expect(page.getByText(de.guide.first.proven)).toBeVisible({ timeout: 60_000 });
  expect(await englishOn(page)).toEqual([]);

  await page.getByRole("link", { name: de.pages.runs, exact: true }).click();
  await expect(page.getByRole("row")).toHaveCount(3);
  // Numbers and dates as Germans write them.
  await expect(page.getByRole("row").nth(2)).toContainText("2,9 MiB");
  await expect(page.getByRole("row").nth(2).locator("time").first()).toHaveAttribute("title", /^\d{2}\.\d{2}\.\d{4}, \d{2}:\d{2}$/);
  expect(await englishOn(page)).toEqual([]);
  await page.getByRole("row").nth(2).getByRole("link").first().click();
  await expect(page.getByRole("log")).toContainText("saved snapshot");
  expect(await englishOn(page)).toEqual([]);

  await page.getByRole("link", { name: de.pages.snapshots, exact: true }).click();
  await expect(page.getByRole("table")).toBeVisible();
  expect(await englishOn(page)).toEqual([]);
  await page.getByRole("table").getByRole("row").nth(1).getByRole("link").first().click();
  await settled(page);
  expect(await englishOn(page)).toEqual([]);
  await page.getByRole("link", { name: de.snapshots.restoreAll }).click();
  await page.getByLabel(de.restore.other).check();
  await page.getByLabel(de.restore.folder, { exact: true }).fill(join(server.folder, "zurück"));
  await page.getByRole("button", { name: de.restore.try }).click();
  await expect(page.getByRole("region", { name: de.restore.dryRun })).toContainText("2,9 MiB");
  expect(await englishOn(page)).toEqual([]);
  await accessible(page);
  await page.getByRole("button", { name: de.restore.start }).click();
  await expect(page.getByText(de.restore.reread)).toBeVisible({ timeout: 60_000 });
  expect(await englishOn(page)).toEqual([]);
  expect(readFileSync(join(server.folder, "zurück", folder, "brief.txt"))).toEqual(readFileSync(join(folder, "brief.txt")));
});

for (const half of [0, 1]) {
  test(`no page is left in English: half ${half + 1}`, async ({ page, server, complaints }) => {
    await expect.poll(async () => (await server.items("/destinations")).length).toBe(1);
    const [folder, [destination]] = [join(server.folder, "akten"), await server.items("/destinations")];
    mkdirSync(folder);
    writeFileSync(join(folder, "brief.txt"), "Sehr geehrte Damen und Herren\n");
    for (const [name, path] of [["Alte Platte", "/nirgends"], ["Akten", folder]] as const) {
      const source = await server.call("POST", "/sources", { name, spec: { type: "files", paths: [path] } });
      const more = { retention: { daily: 7 }, verification: { every: "7d", read_percent: 5 } };
      await server.run(await server.call("POST", "/plans", { name, sources: [source.id], destinations: [destination?.id], ...more }));
    }
    await server.open(page, "/");
    const left: Record<string, string[]> = {};
    for (const path of (await mainPages(server)).filter((_, index) => index % 2 === half)) {
      await visit(page, server.url + path);
      const english = await englishOn(page);
      if (english.length > 0) {
        left[path] = english;
      }
    }
    expect(left).toEqual({});
    forgive(complaints);
  });
}

test.describe("chosen", () => {
  test.use({ locale: "en-GB" });

  test("who chooses German has it from then on, and back", async ({ page, server }) => {
    await server.open(page, "/");
    await expect(page.locator("html")).toHaveAttribute("lang", "en");
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("Nothing is protected yet");
    expect(await englishOn(page)).not.toEqual([]);
    await page.getByLabel("Language").selectOption("Deutsch");
    await expect(page.locator("html")).toHaveAttribute("lang", "de");
    await expect(page.getByRole("heading", { level: 1 })).toHaveText(de.overview.nothing);
    expect(await englishOn(page)).toEqual([]);
    await page.reload();
    await expect(page.locator("html")).toHaveAttribute("lang", "de");
    await page.getByLabel(de.shell.language).selectOption("English");
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("Nothing is protected yet");
  });
});
