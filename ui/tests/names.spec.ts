// Names as people give them, and as somebody gives them who means no good.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";

import { expect, test, type Json, type Server } from "./server";
import { expectNoSidewaysScroll, forgive, mainPages, settled, visit } from "./walk";

const NAMES = [
  "<img src=x onerror=alert(1)>",
  "مرحبا-\u202egpj.exe",
  "שלום",
  "日本語テスト",
  "\u00e9",
  "e\u0301",
  "n".repeat(200),
  "two  and   three",
  `"quotes" 'and' \`more\``,
  "../..%2f",
];
const SPOOF = NAMES[1] ?? "";
/** What only files may be called. */
const FILES = [...NAMES.filter((name) => !name.includes("/")), "n".repeat(250), "line\nbreak", "bell\u0007", "😀 ‮txt"];

/** Everything there is, under each of the names. */
async function named(server: Server): Promise<{ folder: string; run: Json }> {
  const folder = join(server.folder, "مجلد <b>");
  for (const name of FILES) {
    mkdirSync(join(folder, name), { recursive: true });
    writeFileSync(join(folder, name, name), "a letter\n");
  }
  await expect.poll(async () => (await server.items("/destinations")).length).toBe(1);
  const [[connection], [node]] = [await server.items("/connections"), await server.items("/nodes")];
  await server.call("PUT", `/nodes/${node?.id}`, { name: SPOOF, revision: node?.revision });
  const plans: Json[] = [];
  for (const [number, name] of NAMES.entries()) {
    const spec = { type: "files", paths: [join(folder, FILES[number] ?? "")] };
    const source = await server.call("POST", "/sources", { name, node: node?.id, spec });
    const destination = await server.call("POST", "/destinations", { name, connection: connection?.id, path: `place ${number}` });
    const settings = { type: "local", path: join(server.folder, `disk ${number}`) };
    await server.call("POST", "/connections", { name, settings });
    const tags = [`tag ${number}`, name.slice(0, 100)];
    plans.push(
      await server.call("POST", "/plans", {
        name: name.slice(0, 100),
        sources: [source.id],
        destinations: [destination.id],
        tags,
        enabled: false,
      }),
    );
    await server.call("POST", "/people", { name, email: `person-${number}@example.org` });
  }
  const [files, [destination]] = [{ type: "files", paths: [folder] }, await server.items("/destinations")];
  const source = await server.call("POST", "/sources", { name: "all", node: node?.id, spec: files });
  const wanted = { sources: [source.id], destinations: [destination?.id] };
  const all = await server.call("POST", "/plans", { name: `${SPOOF} all`, tags: [SPOOF, "<i>tag</i>"], ...wanted });
  for (const name of NAMES) {
    await server.call("POST", "/projects", { name });
  }
  await server.run(plans[1] ?? all);
  return { folder, run: await server.run(all) };
}

/**
 * The texts that could change the order of what stands beside them: those with marks that turn it, where they share their line with
 * others and are not set apart; and those from right to left within a sentence, likewise.
 */
function unsafe(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const turning = /[\u202a-\u202e\u2066\u2067]|[\u0590-\u08ff]/;
    const apart = /\u2068[^\u2068\u2069]*\u2069/g;
    const found: string[] = [];
    const isPart = (node: Node | null): node is Node => node?.nodeType === Node.TEXT_NODE || node?.nodeName === "WBR";
    // Where a line may end, a text goes on.
    const whole = (node: Node) => {
      let text = node.textContent ?? "";
      for (let next = node.nextSibling; isPart(next); next = next.nextSibling) {
        text += next.textContent;
      }
      for (let before = node.previousSibling; isPart(before); before = before.previousSibling) {
        text = `${before.textContent}${text}`;
      }
      return text;
    };
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
      const text = whole(node);
      if (!turning.test(text.replace(apart, ""))) {
        continue;
      }
      let box = node.parentElement;
      while (box !== null && getComputedStyle(box).display === "inline" && !getComputedStyle(box).unicodeBidi.includes("isolate")) {
        box = box.parentElement;
      }
      if (box?.textContent?.trim() !== text.trim()) {
        found.push(box?.outerHTML.slice(0, 400) ?? text);
      }
    }
    return found;
  });
}

const PARTS = 5;
for (let part = 0; part < PARTS; part += 1) {
  test(`names of every script and with markup are shown as they are, on all pages: part ${part + 1}`, async ({ page, server, complaints }) => {
    page.on("dialog", (dialog) => {
      throw new Error(`a name was executed: ${dialog.message()}`);
    });
    await named(server);
    const all = await mainPages(server);
    const mine = all.filter((_, index) => index % PARTS === part);
    await server.open(page, "/audit");
    await settled(page);
    expect(await unsafe(page)).toEqual([]);
    await page.evaluate((name) => document.querySelector("main")?.append(`beside ${name} here`), SPOOF);
    expect(await unsafe(page)).toHaveLength(1);
    for (const path of mine) {
      await page.setViewportSize({ width: 390, height: 800 });
      await visit(page, server.url + path);
      await expectNoSidewaysScroll(page);
      await page.setViewportSize({ width: 1280, height: 800 });
      await expectNoSidewaysScroll(page);
      expect.soft(await unsafe(page), path).toEqual([]);
      await expect(page.locator("main img[src=x], main b, main i")).toHaveCount(0);
      const { violations } = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]).analyze();
      expect.soft(violations.map(({ id, nodes }) => `${path}: ${id}: ${nodes.map(({ html }) => html).join(" ")}`)).toEqual([]);
    }
    forgive(complaints);
  });
}

test("file names show what one would not see, and are chosen and restored as they are", async ({ page, server }) => {
  const { folder, run } = await named(server);
  const [made] = run.destinations as Json[];
  const address = `/snapshots/${made?.repository}/${made?.snapshot}?path=${encodeURIComponent(folder)}`;
  await server.open(page, address);
  const grid = page.getByRole("grid");
  for (const text of ["مرحبا-⟨U+202E⟩gpj.exe", "line␊break", "bell␇", "😀 ⟨U+202E⟩txt", "n".repeat(250), NAMES[0] ?? ""]) {
    await expect(grid.getByText(text, { exact: true })).toBeVisible();
  }
  await expect(grid.getByText("two  and   three", { exact: true })).toHaveCSS("white-space", /pre-wrap/);
  for (const box of [page.getByLabel("Choose line␊break"), page.getByLabel(/Choose .*⟨U\+202E⟩gpj\.exe/)]) {
    await box.click();
    await expect(box).toBeChecked();
  }
  await page.getByRole("link", { name: "Restore 2 items" }).click();
  await page.getByLabel("Another folder").check();
  await page.getByLabel("Folder", { exact: true }).fill(join(server.folder, "back"));
  await expect(page.getByRole("list").filter({ hasText: "line␊break" })).toContainText("⟨U+202E⟩gpj.exe");
  await page.getByRole("button", { name: "Restore now" }).click();
  await expect(page).toHaveURL(/\/runs\//);
  const id = page.url().split("/").at(-1);
  await expect.poll(async () => (await server.call("GET", `/runs/${id}`)).state).toBe("completed");
  expect((await server.call("GET", `/runs/${id}`)).restore).toMatchObject({
    paths: expect.arrayContaining([join(folder, "line\nbreak"), join(folder, SPOOF)]) as unknown,
  });
});
