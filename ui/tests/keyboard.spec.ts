// Without a mouse, with large letters, on a narrow screen, and for those whom motion makes ill.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Page } from "@playwright/test";

import { expect, test } from "./server";
import { expectNoSidewaysScroll, forgive, mainPages, settled, visit } from "./walk";

/** What has the keyboard, by its role and name. */
const at = (page: Page) =>
  page.evaluate(() => {
    const one = document.activeElement;
    return one === null || one === document.body ? "nowhere" : `${one.tagName.toLowerCase()} ${one.textContent?.trim().slice(0, 60)}`;
  });

/** Goes on with Tab until something has the keyboard. */
async function tabTo(page: Page, role: Parameters<Page["getByRole"]>[0], name: string | RegExp, key = "Tab"): Promise<void> {
  const wanted = page.getByRole(role, { name, exact: true }).first();
  await expect(wanted).toBeVisible();
  for (let turn = 0; turn < 120; turn += 1) {
    if (await wanted.evaluate((element) => element === document.activeElement)) {
      // What has the keyboard is to be seen, and that it has it.
      await expect(wanted).toBeInViewport();
      return;
    }
    await page.keyboard.press(key);
  }
  throw new Error(`${String(name)} is not reached; the keyboard is at ${await at(page)}`);
}

/** Texts that are cut off where their box does not say so by dots. */
const cutOff = (page: Page) =>
  page.evaluate(() =>
    [...document.querySelectorAll<HTMLElement>("main button, main a, main label, main h1, main h2, main dd")]
      .filter((one) => getComputedStyle(one).overflowX === "hidden" && getComputedStyle(one).textOverflow !== "ellipsis")
      .filter((one) => one.offsetWidth > 1 && (one.scrollWidth > one.clientWidth + 1 || one.scrollHeight > one.clientHeight + 1))
      .map((one) => one.outerHTML.slice(0, 200)),
  );

test("a first backup and a restore by keyboard alone, and the keyboard is never nowhere", async ({ page, server }) => {
  const folder = join(server.folder, "letters");
  mkdirSync(folder);
  writeFileSync(join(folder, "letter.txt"), "Dear all\n");
  await server.open(page, "/");
  await settled(page);
  await page.keyboard.press("Tab");
  expect(await at(page)).toContain("Skip to the content");
  await page.keyboard.press("Enter");
  await tabTo(page, "link", "Make a first backup");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1 })).toBeFocused();
  await tabTo(page, "textbox", "Chosen");
  await page.keyboard.type(folder);
  await tabTo(page, "radio", "Every night");
  await page.keyboard.press("ArrowDown");
  await expect(page.getByRole("radio", { name: "Every hour" })).toBeChecked();
  await tabTo(page, "button", "Make the first backup");
  await page.keyboard.press("Enter");
  await expect(page.getByText("Your files are backed up")).toBeVisible({ timeout: 60_000 });
  expect(await at(page)).not.toBe("nowhere");
  await tabTo(page, "button", "Bring one file back");
  await page.keyboard.press("Enter");
  await expect(page.getByText("It works.")).toBeVisible({ timeout: 60_000 });
  await expect.poll(() => at(page)).not.toBe("nowhere");
  await tabTo(page, "checkbox", /I do that later/);
  await page.keyboard.press("Space");
  await tabTo(page, "link", "To the overview");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1 })).toBeFocused();

  await tabTo(page, "link", "Restore latest: letters");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: "Restore" })).toBeFocused();
  await tabTo(page, "checkbox", "Delete what the snapshot does not have");
  await page.keyboard.press("Space");
  await tabTo(page, "button", "Restore now");
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("alertdialog");
  await expect(dialog).toBeVisible();
  await tabTo(page, "button", "No, go back");
  await page.keyboard.press("Enter");
  await expect(dialog).toHaveCount(0);
  await expect(page.getByRole("button", { name: "Restore now" })).toBeFocused();
  await page.keyboard.press("Enter");
  await page.keyboard.press("Escape");
  await expect(dialog).toHaveCount(0);
  await expect(page.getByRole("button", { name: "Restore now" })).toBeFocused();
  writeFileSync(join(folder, "letter.txt"), "spoiled\n");
  await page.keyboard.press("Enter");
  await tabTo(page, "button", "Restore and delete");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/runs\//);
  await expect(page.getByText("Completed", { exact: true })).toBeVisible({ timeout: 60_000 });
  expect(readFileSync(join(folder, "letter.txt"), "utf8")).toBe("Dear all\n");
  await expect.poll(() => at(page)).not.toBe("nowhere");

  // What was at hand goes away: the keyboard stays on the page.
  const project = await server.call("POST", "/projects", { name: "Office" });
  expect(project.id).not.toBe("");
  await page.goto(`${server.url}/projects`);
  await tabTo(page, "button", "Delete: Office");
  await page.keyboard.press("Enter");
  await tabTo(page, "button", "Delete");
  await page.keyboard.press("Enter");
  await expect(page.getByText("Office")).toHaveCount(0);
  await expect.poll(() => at(page)).not.toBe("nowhere");
});

test("each page has a title of its own, and its heading has the keyboard after going there", async ({ page, server, complaints }) => {
  await server.run(await server.plan("Letters"));
  await server.open(page, "/");
  await settled(page);
  const titles = new Map<string, string>();
  for (const path of await mainPages(server)) {
    await visit(page, server.url + path);
    const title = await page.title();
    expect(title, path).toMatch(/\S · Backstay$/);
    const [address = ""] = path.split("?");
    expect(titles.get(title) ?? address, `${title} is the title of two pages`).toBe(address);
    titles.set(title, address);
  }
  forgive(complaints);
  const names = await page.getByRole("navigation", { name: "Pages" }).getByRole("link").allInnerTexts();
  expect(names.length).toBeGreaterThan(10);
  for (const name of names) {
    await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name, exact: true }).click();
    await expect(page.getByRole("heading", { level: 1 }), name).toBeFocused();
  }
  forgive(complaints);
});

for (const half of [0, 1]) {
  test(`all pages can be read 320 pixels wide, and with letters twice as large: half ${half + 1}`, async ({ page, server, complaints }) => {
    await server.run(await server.plan("Letters"));
    await server.run(await server.planFor("Old disk", "/nowhere/at/all"));
    await server.open(page, "/");
    for (const path of (await mainPages(server)).filter((_, index) => index % 2 === half)) {
      await page.setViewportSize({ width: 320, height: 800 });
      await visit(page, server.url + path);
      await expectNoSidewaysScroll(page);
      expect.soft(await cutOff(page), path).toEqual([]);
      await page.setViewportSize({ width: 1280, height: 800 });
      await page.evaluate(() => (document.documentElement.style.fontSize = "200%"));
      await expectNoSidewaysScroll(page);
      expect.soft(await cutOff(page), path).toEqual([]);
    }
    forgive(complaints);
  });
}

test("nothing moves for who wants no motion", async ({ page, server }) => {
  const plan = await server.plan("Slow", { limits: { read: 50_000 } }, 60);
  const { runs } = await server.call("POST", `/plans/${plan.id}/run`, {});
  const id = (runs as string[])[0];
  const moving = () => page.evaluate(() => document.getAnimations().filter(({ playState }) => playState === "running").length);
  await server.open(page, `/runs/${id}`);
  await expect(page.getByText("Running", { exact: true })).toBeVisible();
  await expect.poll(moving).toBeGreaterThan(0);
  await page.emulateMedia({ reducedMotion: "reduce" });
  await expect.poll(moving).toBe(0);
  await page.getByRole("button", { name: "Cancel" }).click();
  await expect(page.getByRole("alertdialog")).toBeVisible();
  expect(await moving()).toBe(0);
  await page.getByRole("alertdialog").getByRole("button", { name: "Keep it running" }).click();
  await page.goto(server.url);
  await expect(page.getByText("Running", { exact: true }).first()).toBeVisible();
  expect(await moving()).toBe(0);
});
