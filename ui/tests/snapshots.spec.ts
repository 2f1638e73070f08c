import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { accessible, expect, test, type Json, type Server } from "./server";

/** Names that pages have to show as they are. */
const NAMES = ["<b>bold & co", "ملف عربي.txt", "日本語 📄.txt", "Ünïcode ∂ß.txt", "a".repeat(200), "5 % off?#.txt"];

function files(server: Server, name: string, more: string[] = []): string {
  const folder = join(server.folder, name);
  mkdirSync(join(folder, "deep", "deeper"), { recursive: true });
  writeFileSync(join(folder, "deep", "deeper", "bottom.txt"), "bottom\n");
  for (const [place, file] of [...NAMES, ...more].entries()) {
    writeFileSync(join(folder, file), "x".repeat(place * 1000));
  }
  return folder;
}

async function backedUp(server: Server, name: string, more: string[] = []): Promise<{ plan: Json; snapshot: string; repository: string; folder: string }> {
  const folder = files(server, name, more);
  const plan = await server.planFor(name, folder);
  const run = await server.run(plan);
  const [destination] = run.destinations as Json[];
  return { plan, folder, snapshot: String(destination?.snapshot), repository: String(destination?.repository) };
}

test("snapshots stand on a line of days, and under it, and are narrowed by the address", async ({ page, server }) => {
  await server.open(page, "/snapshots");
  await expect(page.getByText("No snapshots in “Local repository” yet")).toBeVisible();
  await accessible(page);
  const letters = await backedUp(server, "Letters");
  await server.run(letters.plan);
  await backedUp(server, "שלום <i>world");
  await page.reload();
  const table = page.getByRole("table", { name: "Snapshots" });
  await expect(table.getByRole("row")).toHaveCount(4);
  await expect(table).toContainText("שלום <i>world");
  await accessible(page);

  const line = page.getByRole("region", { name: "Snapshots by source and day" });
  await expect(line.getByRole("button", { name: /: 2 snapshots$/ })).toBeVisible();
  await line.getByRole("button", { name: /: 2 snapshots$/ }).focus();
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/day=\d{4}-\d{2}-\d{2}/);
  await expect(table.getByRole("row")).toHaveCount(3);
  await expect(page.getByText("2 of 3 snapshots")).toBeVisible();
  await page.reload();
  await expect(table.getByRole("row")).toHaveCount(3);
  await page.getByRole("button", { name: "Clear the filters" }).click();
  await page.getByLabel("Plan").selectOption("Letters");
  await expect(page).toHaveURL(new RegExp(`plan=${letters.plan.id}`));
  await expect(table.getByRole("row")).toHaveCount(3);
  await page.goto(`${server.url}/snapshots?repository=${letters.repository}&day=2001-01-01&host=7&plan=x`);
  await expect(page.getByText("No snapshot matches these filters")).toBeVisible();
  await page.goto(`${server.url}/snapshots?repository=01900000-0000-7000-8000-000000000001`);
  await expect(page.getByText("There is no such repository any more")).toBeVisible();
});

test("a new snapshot appears by itself when its backup has ended", async ({ page, server }) => {
  const { plan } = await backedUp(server, "Letters");
  await server.open(page, "/snapshots");
  const table = page.getByRole("table", { name: "Snapshots" });
  await expect(table.getByRole("row")).toHaveCount(2);
  await server.run(plan);
  await expect(table.getByRole("row")).toHaveCount(3);
});

test("a snapshot's folders are walked by keyboard, and items ticked over several of them", async ({ page, server, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const { snapshot, repository, folder } = await backedUp(server, "Letters");
  await server.open(page, `/snapshots/${repository}/${snapshot}?path=${encodeURIComponent(folder)}`);
  const grid = page.getByRole("grid");
  await expect(grid.getByRole("row")).toHaveCount(NAMES.length + 2);
  for (const name of NAMES) {
    await expect(grid.getByText(name, { exact: true })).toBeVisible();
  }
  await page.getByRole("button", { name: "Copy: Snapshot id" }).click();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(snapshot);

  await grid.focus();
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/path=[^&]*deep$/);
  await expect(grid.getByRole("row", { name: /deeper/ })).toBeVisible();
  await page.keyboard.press("Space");
  await expect(page.locator("summary", { hasText: "1 item chosen" })).toBeVisible();
  await page.keyboard.press("Enter");
  await expect(grid.getByRole("row", { name: /bottom\.txt/ })).toHaveAttribute("aria-selected", "true");
  await page.keyboard.press("Backspace");
  await page.keyboard.press("Backspace");
  await expect(grid.getByText(NAMES[0] ?? "", { exact: true })).toBeVisible();
  await page.keyboard.press("End");
  await page.keyboard.press("Space");
  await expect(page.locator("summary", { hasText: "2 items chosen" })).toBeVisible();
  await accessible(page);
  const coming = page.waitForEvent("download");
  await page.getByRole("region", { name: "Chosen items" }).getByRole("link", { name: "Download" }).click();
  const archive = await (await coming).path();
  const listed = execFileSync("python3", ["-m", "zipfile", "-l", archive]).toString();
  expect(listed).toContain("deep/deeper/bottom.txt");
  await page.reload();
  await expect(page.locator("summary", { hasText: "2 items chosen" })).toBeVisible();
  await page.locator("summary", { hasText: "2 items chosen" }).click();
  await page.getByRole("button", { name: `Do not restore ${folder}/deep/deeper` }).click();
  await expect(page.locator("summary", { hasText: "1 item chosen" })).toBeVisible();
});

test("a folder is sorted and filtered by its address", async ({ page, server, complaints }) => {
  const { snapshot, repository, folder } = await backedUp(server, "Letters");
  await server.open(page, `/snapshots/${repository}/${snapshot}?path=${encodeURIComponent(folder)}`);
  const grid = page.getByRole("grid");
  await grid.getByRole("button", { name: "Size" }).click();
  await grid.getByRole("button", { name: "Size" }).click();
  await expect(page).toHaveURL(/sort=size&down=true/);
  await expect(grid.getByRole("row").nth(1)).toContainText("deep");
  await expect(grid.getByRole("row").nth(2)).toContainText(NAMES.at(-1) ?? "");
  await expect(grid.getByRole("columnheader", { name: "Size" })).toHaveAttribute("aria-sort", "descending");
  await page.getByLabel("Find in this folder").pressSequentially("عربي", { delay: 5 });
  await expect(page).toHaveURL(/filter=/);
  await expect(grid.getByRole("row")).toHaveCount(2);
  await page.reload();
  await expect(grid.getByRole("row")).toHaveCount(2);
  await page.getByRole("navigation", { name: "Folders on the way" }).getByRole("button", { name: "Top" }).click();
  await expect(page).not.toHaveURL(/filter=/);
  await page.goto(`${server.url}/snapshots/${repository}/${snapshot}?path=/nowhere`);
  await expect(page.getByRole("alert")).toContainText("/nowhere is not in the snapshot");
  await page.goto(`${server.url}/snapshots/${repository}/0123456789abcdef`);
  await expect(page.getByText("There is no such snapshot")).toBeVisible();
  await page.goto(`${server.url}/snapshots/${repository}/latest`);
  await expect(page.getByRole("grid")).toBeVisible();
  // That a folder is not there may be said on the console.
  complaints.length = 0;
});
