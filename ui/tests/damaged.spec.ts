import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { accessible, expect, test, type Json, type Server } from "./server";
import { expectNoSidewaysScroll } from "./walk";

/** Changes a byte in the middle of a file. */
function damage(file: string): void {
  const bytes = readFileSync(file);
  const middle = Math.floor(bytes.length / 3);
  bytes[middle] = (bytes[middle] ?? 0) ^ 1;
  writeFileSync(file, bytes);
}

/** A folder whose letter is of some length and cannot be made shorter. */
function letter(server: Server, text: string): string {
  const folder = join(server.folder, "letters");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "letter.txt"), Array.from({ length: 3000 }, (_, n) => `${text} ${(n * 2_654_435_761) % 4_294_967_296}\n`).join(""));
  return folder;
}

const files = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

const madeOf = (run: Json) => (run.destinations as Json[])[0];

for (const holds of [{ type: "repository" }, { type: "archives", format: "zip", encryption: "plain", name: "Data {n}" }]) {
  test(`where the newest of a destination of type ${holds.type} is damaged, the newest that is whole is a click away`, async ({ page, server, complaints }) => {
    test.setTimeout(120_000);
    const attic = join(server.folder, "attic");
    const folder = letter(server, "first");
    const connection = await server.call("POST", "/connections", { name: "Attic", settings: { type: "local", path: attic } });
    const destination = await server.call("POST", "/destinations", { name: "Attic", connection: connection.id, holds });
    const plan = await server.planFor("Letters", folder, {}, destination.id);
    const first = await server.run(plan);
    const before = new Set(files(attic));
    letter(server, "second");
    const second = await server.run(plan);
    // The data of the second backup: its archive, or its largest pack.
    const isData = (file: string) => !before.has(file) && (file.endsWith(".zip") || file.includes("/data/"));
    const [newest = ""] = files(attic).filter(isData).sort((a, b) => readFileSync(b).length - readFileSync(a).length);
    damage(newest);

    const target = join(server.folder, "back");
    await server.open(page, `/restore?repository=${madeOf(second)?.repository}&snapshot=latest&target=${encodeURIComponent(target)}&overwrite=never`);
    await page.getByRole("button", { name: "Restore now" }).click();
    await expect(page).toHaveURL(/\/runs\/[0-9a-f-]{36}$/);
    await expect(page.getByText("Failed", { exact: true }).first()).toBeVisible({ timeout: 60_000 });
    await expect(page.getByText(/is whole: restore that one/).first()).toBeVisible();
    await accessible(page);
    for (const width of [390, 1280]) {
      await page.setViewportSize({ width, height: 800 });
      await expectNoSidewaysScroll(page);
    }

    // All that was chosen is chosen again, but for the snapshot.
    await page.getByRole("link", { name: "Restore that one" }).click();
    await expect(page).toHaveURL(new RegExp(`snapshot=${madeOf(first)?.snapshot}`));
    await expect(page.getByLabel("Folder", { exact: true })).toHaveValue(target);
    await expect(page.getByLabel("Keep all files that are there")).toBeChecked();
    await page.getByRole("button", { name: "Restore now" }).click();
    await expect(page.getByText("Completed", { exact: true })).toBeVisible({ timeout: 60_000 });
    expect(readFileSync(join(target, folder, "letter.txt"), "utf8")).toMatch(/^first 0\n/);
    complaints.length = 0;
  });
}

test("damage that a verification finds is told on every page until one completes", async ({ page, server, complaints }) => {
  test.setTimeout(120_000);
  const attic = join(server.folder, "attic");
  const connection = await server.call("POST", "/connections", { name: "Attic", settings: { type: "local", path: attic } });
  const destination = await server.call("POST", "/destinations", { name: "Attic", connection: connection.id });
  const verification = { verification: { read_percent: 100 } };
  const plan = await server.planFor("Letters", letter(server, "first"), verification, destination.id);
  await server.run(plan);
  const packs = files(attic).filter((file) => file.includes("/data/"));
  const [largest = ""] = packs.sort((a, b) => readFileSync(b).length - readFileSync(a).length);
  damage(largest);
  const failed = await server.run(plan, "verify");
  // A backup that completes afterwards does not make up for it.
  expect((await server.run(plan)).state).toBe("completed");

  const told = page.getByRole("link", { name: "The last verification of “Attic”, where “Letters” is kept, failed" });
  for (const path of ["/", `/plans/${plan.id}`, "/alerts"]) {
    await server.open(page, path);
    await expect(told).toHaveAttribute("href", `/runs/${failed.id}`);
    await expect(page.getByText(/^the check found \d+ errors/)).toBeVisible();
    await accessible(page);
    await page.setViewportSize({ width: 390, height: 800 });
    await expectNoSidewaysScroll(page);
    await page.setViewportSize({ width: 1280, height: 720 });
  }
  await server.open(page, "/plans?state=failing");
  await expect(page.getByText("verification failed just now")).toBeVisible();

  damage(largest);
  expect((await server.run(plan, "verify")).state).toBe("completed");
  await server.open(page, "/alerts");
  await expect(page.getByText("No recovery kit was downloaded yet")).toBeVisible();
  await expect(told).toHaveCount(0);
  await server.open(page, `/plans/${plan.id}`);
  await expect(page.getByText("Protected", { exact: true })).toBeVisible();
  complaints.length = 0;
});
