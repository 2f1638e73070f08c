import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Page } from "@playwright/test";

import { accessible, expect, test } from "./server";

const ODD = "Größe <b>x مرحبا 数据";

/** Opens all folders down to a path with the keyboard. */
async function openTo(page: Page, path: string): Promise<void> {
  await expect(page.getByRole("tree").locator("[aria-checked]").first()).toBeVisible();
  await page.getByRole("tree").focus();
  await page.keyboard.press("Home");
  for (const name of path.split("/").filter((part) => part !== "")) {
    const item = page.getByRole("treeitem", { name, exact: true }).last();
    await page.keyboard.type(name);
    await expect(item).toBeVisible();
    // Rows that come in above move it down.
    const active = async () =>
      (await page.getByRole("tree").getAttribute("aria-activedescendant")) === (await item.getAttribute("id"));
    await expect.poll(active).toBe(true);
    await page.keyboard.press("ArrowRight");
    await expect(item).toHaveAttribute("aria-expanded", "true");
    await page.waitForTimeout(800);
  }
}

test("folders of a computer are chosen with the keyboard alone, and by typing", async ({ page, server }) => {
  const place = join(server.folder, "people");
  for (const folder of ["ada", "bob", ODD]) {
    mkdirSync(join(place, folder), { recursive: true });
    writeFileSync(join(place, folder, "letter.txt"), "a letter");
  }
  await server.open(page, "/sources");
  await expect(page.getByText("No sources yet")).toBeVisible();
  await page.getByRole("link", { name: "Add a source" }).click();
  await page.getByRole("textbox", { name: "Name" }).fill("Letters");
  await openTo(page, place);
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Space");
  await expect(page.getByLabel("Chosen")).toHaveValue(`${place}/ada`);
  await expect(page.getByRole("treeitem", { name: "people" })).toHaveAttribute("aria-checked", "mixed");
  await accessible(page);
  await page.getByRole("tree").focus();
  await page.keyboard.press("ArrowRight");
  await expect(page.getByRole("treeitem", { name: "letter.txt" })).toHaveAttribute("aria-disabled", "true");
  await page.getByLabel("Chosen").fill(`${place}/ada\n${place}/${ODD}\nrelative`);
  await expect(page.getByRole("treeitem", { name: ODD })).toHaveAttribute("aria-checked", "true");
  await page.getByRole("button", { name: "+ *.tmp" }).click();
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("has to begin with a slash")).toBeVisible();
  await page.getByLabel("Chosen").fill(`${place}/ada\n${place}/${ODD}`);
  await page.getByText("Further options").click();
  await page.getByLabel("Leave out files larger than", { exact: true }).fill("2");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page).toHaveURL(`${server.url}/sources`);
  const [source] = await server.items("/sources");
  expect(source?.spec).toEqual({
    type: "files",
    paths: [`${place}/ada`, `${place}/${ODD}`],
    excludes: ["*.tmp"],
    exclude_caches: true,
    exclude_larger_than: 2 * 1024 ** 3,
    one_file_system: false,
  });
  await expect(page.getByText("Not used by any plan")).toBeVisible();
  await accessible(page);
});

test("a source opens where something is chosen, is changed, and is not deleted under a plan", async ({ page, server, complaints }) => {
  await server.plan("Letters");
  const [source] = await server.items("/sources");
  await server.open(page, `/sources/${source?.id}`);
  await expect(page.getByRole("treeitem", { name: "files", exact: true })).toBeVisible();
  await page.getByRole("textbox", { name: "Name" }).fill(ODD);
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("link", { name: ODD }).click();
  await expect(page.getByRole("heading", { name: ODD, level: 1 })).toBeVisible();
  await expect(page.getByRole("main").getByRole("link", { name: "Letters" })).toBeVisible();
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Delete" }).click();
  await expect(page.getByText("in use by plan Letters")).toBeVisible();
  await accessible(page);
  complaints.length = 0;
});

test("a folder that cannot be read says why, and one with very many entries scrolls", async ({ page, server, complaints }) => {
  test.setTimeout(180_000);
  mkdirSync(join(server.folder, "most"));
  for (let number = 0; number < 100_000; number += 1) {
    writeFileSync(join(server.folder, "most", `note ${String(number).padStart(6, "0")}`), "");
  }
  await server.open(page, "/sources/new");
  await openTo(page, server.folder);
  const tree = page.getByRole("tree");

  // A folder may be gone.
  mkdirSync(join(server.folder, "gone"));
  await page.reload();
  await openTo(page, server.folder);
  rmSync(join(server.folder, "gone"), { recursive: true });
  await page.keyboard.type("gone");
  await page.keyboard.press("ArrowRight");
  await expect(page.getByRole("status").filter({ hasText: "cannot be listed" })).toHaveCount(1);
  await expect(tree.getByText("cannot be listed")).toBeVisible();
  await accessible(page);
  await tree.focus();
  await page.keyboard.type("most");
  await page.keyboard.press("ArrowRight");
  await expect(page.getByRole("treeitem", { name: "note 000000" })).toBeVisible({ timeout: 60_000 });
  await tree.hover();
  for (let turn = 0; turn < 30; turn += 1) {
    await page.mouse.wheel(0, 20_000);
    await page.waitForTimeout(30);
  }
  await expect(page.getByRole("treeitem", { name: "note 000000" })).toHaveCount(0);
  expect(await page.getByRole("treeitem").count()).toBeLessThan(80);
  await page.keyboard.type("note 099999");
  await expect(page.getByRole("treeitem", { name: "note 099999" })).toBeVisible();
  await page.waitForTimeout(800);
  await page.keyboard.press("Space");
  await expect(page.getByLabel("Chosen")).toHaveValue(`${server.folder}/most/note 099999`);
  complaints.length = 0;
});
