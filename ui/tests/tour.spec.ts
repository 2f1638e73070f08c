// The guided tour of docs/tour.md. With BACKSTAY_PICTURES=docs/pictures its pictures are taken anew, on a host that is made for them:
//
//   unshare --mount --uts sh -c 'hostname harbour; mount -t tmpfs tmpfs /home; BACKSTAY_PICTURES=docs/pictures npx playwright test tour'

import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

import { type Page } from "@playwright/test";

import { expect, test, type Json, type Server } from "./server";

const PICTURES = process.env.BACKSTAY_PICTURES;
const homeOf = (server: Server) => (PICTURES === undefined ? join(server.folder, "ada") : "/home/ada");

async function picture(page: Page, name: string): Promise<void> {
  await page.mouse.move(0, 0);
  await page.waitForTimeout(PICTURES === undefined ? 0 : 800);
  if (PICTURES !== undefined) {
    await page.screenshot({ path: join(resolve("..", PICTURES), `${name}.png`), animations: "disabled" });
  }
}

/** Text that looks as if somebody had written it. */
const words = (length: number) => "A mast is held from behind by its backstay. ".repeat(Math.ceil(length / 44)).slice(0, length);

function fill(server: Server, folder: string, files: Record<string, number>): string {
  const path = join(homeOf(server), folder);
  for (const [name, length] of Object.entries(files)) {
    mkdirSync(join(path, name, ".."), { recursive: true });
    writeFileSync(join(path, name), words(length));
  }
  return path;
}

async function kept(server: Server): Promise<Json[]> {
  const daily = { schedule: { when: { daily: { at: ["02:00"] } }, zone: "Europe/Berlin" }, retention: { daily: 30, monthly: 24 } };
  const letters = fill(server, "Letters", { "2025/insurance.txt": 40_000, "2026/bank.txt": 21_000, "2026/school.txt": 9_000, "to do.txt": 800 });
  const photos = fill(server, "Photos", { "harbour.jpg": 2_400_000, "regatta.jpg": 3_100_000 });
  const books = fill(server, "Accounts", { "2025.ods": 310_000, "2026.ods": 120_000 });
  const plans: Json[] = [];
  for (const [name, path] of [["Letters", letters], ["Photos", photos], ["Accounts", books]] as const) {
    const plan = await server.planFor(name, path, daily);
    await server.run(plan);
    plans.push(plan);
  }
  fill(server, "Letters", { "2026/bank.txt": 24_000, "2026/club.txt": 5_000 });
  await server.run(plans[0]!);
  return plans;
}

test("a tour through the dashboard", async ({ page, server }) => {
  test.setTimeout(180_000);
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.emulateMedia({ colorScheme: "light" });
  const [letters] = await kept(server);
  await server.call("POST", `/plans/${letters?.id}/run`, { kind: "verify" });
  const [repository] = await server.items("/repositories");
  const finished = async () => (await server.call("GET", "/runs/counts")) as unknown as { successful: number };
  await expect.poll(async () => (await finished()).successful, { timeout: 60_000 }).toBe(5);
  const [first] = await server.items("/runs?kind=backup");
  await server.open(page, `/first-backup/${letters?.id}?run=${first?.id}`);
  await expect(page.getByText("Your files are backed up")).toBeVisible();
  await page.getByRole("button", { name: "Bring one file back" }).click();
  await expect(page.getByText("It works.")).toBeVisible({ timeout: 60_000 });
  await picture(page, "first-backup");
  const downloading = page.waitForEvent("download");
  await page.getByRole("button", { name: "Download the recovery kit" }).click();
  await downloading;
  await expect(page.getByText("The kit opens all backups.")).toBeVisible();

  await page.goto(server.url);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Everything is protected");
  await expect(page.getByRole("button", { name: "Back up now: Photos" })).toBeVisible();
  await picture(page, "overview");
  await page.getByRole("link", { name: "Letters", exact: true }).click();
  await page.goto(`${server.url}/plans/${letters?.id}`);
  await expect(page.getByRole("heading", { name: "Last runs" })).toBeVisible();
  await picture(page, "plan");
  await page.getByRole("row").nth(1).getByRole("link").click();
  await expect(page.getByRole("log")).toContainText(/saved snapshot|no errors were found/);
  await picture(page, "run");

  await page.getByRole("link", { name: "Snapshots", exact: true }).click();
  await expect(page.getByText("4 snapshots")).toBeVisible();
  await picture(page, "snapshots");
  await page.goto(`${server.url}/snapshots/${repository?.id}/latest?path=${encodeURIComponent(join(homeOf(server), "Letters"))}`);
  await expect(page.getByRole("grid").getByText("to do.txt")).toBeVisible();
  await picture(page, "snapshot");
  await page.goto(`${server.url}/restore?plan=${letters?.id}&snapshot=latest`);
  await expect(page.getByRole("heading", { name: "What is restored" })).toBeVisible();
  await expect(page.getByText("Everything in the snapshot")).toBeVisible();
  await picture(page, "restore");

  await page.goto(`${server.url}/destinations/new`);
  await page.getByLabel("Archives", { exact: true }).check();
  await page.getByLabel("One full archive in").fill("7");
  await expect(page.getByText("NODE/nightly/mysql-full-20260131T230509Z.zip.age")).toBeVisible();
  await page.getByRole("heading", { name: "What it holds" }).evaluate((heading) => heading.closest("section")?.scrollIntoView());
  await picture(page, "archives");
  // Nothing of it is to be kept.
  page.once("dialog", (dialog) => void dialog.accept());

  await page.setViewportSize({ width: 390, height: 800 });
  await page.emulateMedia({ colorScheme: "dark" });
  await page.goto(server.url);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Everything is protected");
  await picture(page, "phone");
});
