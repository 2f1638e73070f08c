import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { OWNER, accessible, expect, test } from "./server";

test("from the set-up link to a first backup, a file that came back, and a recovery kit", async ({ page, fresh }) => {
  mkdirSync(join(fresh.folder, "deep/letters"), { recursive: true });
  writeFileSync(join(fresh.folder, "deep/letters/one.txt"), "Dear all");
  await page.goto(fresh.setupLink);
  await page.getByLabel("Your name").fill(OWNER.name);
  await page.getByLabel("E-mail").fill(OWNER.email);
  await page.getByLabel(/^Password/).first().fill(OWNER.password);
  const again = page.getByLabel(/again/i);
  if ((await again.count()) > 0) {
    await again.fill(OWNER.password);
  }
  await page.getByRole("button").last().click();
  await page.getByRole("link", { name: "Make a first backup" }).click();
  await expect(page).toHaveURL(`${fresh.url}/first-backup`);
  await accessible(page);

  // What is missing is said where it is missing, and nothing is lost by it.
  await page.getByRole("button", { name: "Make the first backup" }).click();
  await expect(page.getByText("Choose at least one").or(page.getByText(/path/i)).first()).toBeVisible();
  await page.getByLabel("Chosen").fill(join(fresh.folder, "deep"));
  await page.getByRole("radio", { name: "To a folder elsewhere" }).check();
  await page.getByRole("button", { name: "Make the first backup" }).click();
  const folder = page.getByRole("textbox", { name: /folder/i });
  await expect(folder).toBeFocused();
  await folder.fill(join(fresh.folder, "disk"));
  await page.getByRole("radio", { name: "Every week" }).check();
  await page.getByRole("button", { name: "Make the first backup" }).click();

  await expect(page.getByText("Your files are backed up")).toBeVisible({ timeout: 60_000 });
  await expect(page.getByRole("link", { name: "To the overview" })).toHaveCount(0);
  await accessible(page);
  await page.getByRole("button", { name: "Bring one file back" }).click();
  await expect(page.getByText("It works.")).toBeVisible({ timeout: 60_000 });
  const back = await page.getByRole("status").filter({ hasText: "It works." }).locator("code").innerText();
  expect(readFileSync(back, "utf8")).toBe("Dear all");

  // Without the kit it goes on only by saying so.
  const later = page.getByRole("checkbox", { name: /I do that later/ });
  await later.check();
  await expect(page.getByRole("link", { name: "To the overview" })).toBeVisible();
  await later.uncheck();
  const downloading = page.waitForEvent("download");
  await page.getByRole("button", { name: "Download the recovery kit" }).click();
  expect(readFileSync(await (await downloading).path(), "utf8")).toContain(join(fresh.folder, "disk"));
  await page.reload();
  await expect(page.getByText("It works.")).toBeVisible();
  await page.getByRole("link", { name: "To the overview" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Everything is protected");
  expect(existsSync(join(fresh.folder, "disk"))).toBe(true);
  rmSync(back.slice(0, back.indexOf("/", "/tmp/backstay-test-restore/".length)), { recursive: true, force: true });
});

test("a first backup that fails says what to do, and is tried again", async ({ page, server }) => {
  await server.open(page, "/first-backup");
  await page.getByLabel("Chosen").fill(join(server.folder, "not there yet"));
  await page.getByRole("button", { name: "Make the first backup" }).click();
  await expect(page.getByText("none of the paths to back up can be found")).toBeVisible({ timeout: 60_000 });
  await accessible(page);
  await expect(page.getByText("As soon as the backup is done, one file is brought back")).toBeVisible();
  await page.getByRole("button", { name: "Run again" }).click();
  await expect(page).toHaveURL(/\/runs\//);
});

test("the folders to choose from open where people have theirs, and all others stay within reach", async ({ page, server }) => {
  // What computers have in common, in place of what this one has.
  const top = ["bin", "boot", "dev", "etc", "home", "lib", "media", "mnt", "opt", "proc", "root", "run", "srv", "sys", "tmp", "usr", "var"];
  const folders: Record<string, string[]> = { "/": top, "/home": ["ada", "مرحبا <b>"] };
  await page.route(/\/api\/v1\/nodes\/[^/]+\/folder\?/, async (route) => {
    const names = folders[new URL(route.request().url()).searchParams.get("path") ?? ""] ?? [];
    await route.fulfill({ json: { items: names.map((name) => ({ name, kind: "folder" })), total: names.length } });
  });
  await server.open(page, "/first-backup");
  const item = (name: string) => page.getByRole("treeitem", { name, exact: true });
  const tree = page.getByRole("tree");
  await expect(item("home")).toHaveAttribute("aria-expanded", "true");
  await tree.scrollIntoViewIfNeeded();
  await expect(item("مرحبا <b>")).toBeInViewport();
  expect(await tree.evaluate((box) => box.scrollTop)).toBe(3 * 32);
  await accessible(page);
  await tree.focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Space");
  await expect(page.getByLabel("Chosen")).toHaveValue("/home/ada");
  await page.keyboard.press("Home");
  await expect(item("bin")).toBeInViewport();
  await page.keyboard.press("Space");
  await expect(page.getByLabel("Chosen")).toHaveValue("/home/ada\n/bin");
});
