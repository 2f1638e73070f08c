import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { accessible, expect, test, type Json, type Server } from "./server";

const NAME = "Brief <i> عربي.txt";

type Snapshot = { repository: string; id: string };

/** Two snapshots of a folder: a file grew, one came and one went. */
async function twoSnapshots(server: Server): Promise<{ folder: string; plan: Json; first: Snapshot; second: Snapshot }> {
  const folder = join(server.folder, "Letters");
  mkdirSync(join(folder, "deep"), { recursive: true });
  writeFileSync(join(folder, NAME), "one\n");
  writeFileSync(join(folder, "gone.txt"), "gone\n");
  const plan = await server.planFor("Letters", folder);
  const snapshot = (run: Json): Snapshot => {
    const [destination] = run.destinations as Json[];
    return { repository: String(destination?.repository), id: String(destination?.snapshot) };
  };
  const first = snapshot(await server.run(plan));
  writeFileSync(join(folder, NAME), "two, which is longer\n");
  writeFileSync(join(folder, "deep", "new.bin"), Buffer.alloc(300_000, 7));
  rmSync(join(folder, "gone.txt"));
  return { folder, plan, first, second: snapshot(await server.run(plan)) };
}

test("a file shows its versions, and one of them is restored", async ({ page, server }) => {
  const { folder, first, second } = await twoSnapshots(server);
  await server.open(page, `/snapshots/${second.repository}/${second.id}?path=${encodeURIComponent(folder)}`);
  await page.getByRole("grid").getByRole("button", { name: NAME }).click();
  const dialog = page.getByRole("dialog", { name: NAME });
  await expect(dialog.getByText("2 versions")).toBeVisible();
  await accessible(page);
  await page.reload();
  await expect(dialog.getByRole("listitem")).toHaveCount(2);
  await expect(dialog.getByRole("listitem").first()).toContainText("in this snapshot");
  await expect(dialog.getByRole("listitem").nth(1)).toContainText("4 B");
  await dialog.getByRole("link", { name: "Restore this version" }).nth(1).click();
  await expect(page).toHaveURL(new RegExp(`/restore\\?.*snapshot=${first.id}`));
  await expect(page.getByText(`${folder}/${NAME}`)).toBeVisible();
  await page.goBack();
  await expect(dialog).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(dialog).toHaveCount(0);
  await expect(page).not.toHaveURL(/file=/);
});

test("a name is found in all snapshots", async ({ page, server }) => {
  const { first, second } = await twoSnapshots(server);
  await server.open(page, "/snapshots");
  await page.getByRole("link", { name: "Find in all snapshots" }).click();
  await page.getByLabel("Name").fill("GONE");
  await page.getByRole("button", { name: "Find" }).click();
  await expect(page).toHaveURL(`${server.url}/search?repository=${first.repository}&name=GONE`);
  await expect(page.getByRole("list", { name: "Find in all snapshots" }).getByRole("listitem")).toHaveCount(1);
  await page.goto(`${server.url}/search?repository=${first.repository}&name=${encodeURIComponent("<i>")}`);
  const hit = page.getByRole("list", { name: "Find in all snapshots" }).getByRole("listitem");
  await expect(hit).toContainText("and 1 other snapshot");
  await accessible(page);
  await hit.getByRole("link", { name: NAME }).click();
  await expect(page).toHaveURL(new RegExp(`/snapshots/${second.repository}/${second.id}`));
  await expect(page.getByRole("dialog", { name: NAME })).toBeVisible();
  await page.goto(`${server.url}/search?name=nothing-like-it`);
  await expect(page.getByText("Nothing is called “nothing-like-it”")).toBeVisible();
});

test("two snapshots are compared, and why one is larger is told", async ({ page, server }) => {
  const { folder, first, second } = await twoSnapshots(server);
  await server.open(page, `/snapshots/${second.repository}/${second.id}`);
  await page.getByRole("link", { name: "Compare with the one before" }).click();
  await expect(page).toHaveURL(`${server.url}/snapshots/${first.repository}/diff?from=${first.id}&to=${second.id}`);
  await expect(page.getByRole("heading", { name: /The later one is 293 KiB larger/ })).toBeVisible();
  await expect(page.getByText("Why: folders by how much they grew")).toBeVisible();
  const changes = page.getByRole("list", { name: "Changes" });
  await expect(changes.getByRole("listitem").filter({ hasText: "gone.txt" })).toContainText("Removed:");
  await expect(changes.getByRole("listitem").filter({ hasText: "new.bin" })).toContainText("Added:");
  await accessible(page);
  await changes.getByRole("link", { name: `${folder}/gone.txt` }).click();
  await expect(page).toHaveURL(new RegExp(`/snapshots/${first.repository}/${first.id}`));
  await page.goto(`${server.url}/snapshots/${first.repository}/diff?from=${first.id}&to=${first.id}`);
  await expect(page.getByText("Nothing differs between them")).toBeVisible();
});

test("a snapshot gets tags and a hold, and is deleted only without it", async ({ page, server, complaints }) => {
  const { second } = await twoSnapshots(server);
  await server.open(page, `/snapshots/${second.repository}/${second.id}`);
  await page.getByLabel("New tag").fill("قبل <upgrade>");
  await page.getByRole("button", { name: "Add" }).click();
  await expect(page.getByRole("button", { name: /Remove the tag .*<upgrade>/ })).toBeVisible();
  // Its id changes with its tags, and the address with it.
  await expect(page).not.toHaveURL(new RegExp(second.id));
  await page.getByRole("button", { name: "Put on hold" }).click();
  await expect(page.getByRole("button", { name: "End the hold" })).toBeVisible();
  await accessible(page);
  const remove = async () => {
    await page.getByRole("button", { name: "Delete snapshot" }).click();
    await page.getByRole("alertdialog").getByRole("button", { name: "Delete snapshot" }).click();
  };
  await remove();
  await expect(page.getByRole("alert")).toContainText("hold");
  await page.getByRole("button", { name: "End the hold" }).click();
  await expect(page.getByRole("button", { name: "Put on hold" })).toBeVisible();
  await remove();
  await expect(page).toHaveURL(`${server.url}/snapshots?repository=${second.repository}`);
  await expect(page.getByRole("table", { name: "Snapshots" }).getByRole("row")).toHaveCount(2);
  const items = await server.items(`/repositories/${second.repository}/snapshots`);
  expect(items).toHaveLength(1);
  // That the server refused may be said on the console.
  complaints.length = 0;
});

test("a long folder is gone through page by page", async ({ page, server }) => {
  const folder = join(server.folder, "Many");
  mkdirSync(join(folder, "zz last folder"), { recursive: true });
  for (let number = 0; number < 1234; number += 1) {
    writeFileSync(join(folder, `${String(number).padStart(4, "0")}.txt`), "x".repeat(number % 100));
  }
  const run = await server.run(await server.planFor("Many", folder));
  const [destination] = run.destinations as Json[];
  const address = `/snapshots/${String(destination?.repository)}/${String(destination?.snapshot)}`;
  await server.open(page, `${address}?path=${encodeURIComponent(folder)}`);
  await expect(page.getByText("1,235 items")).toBeVisible();
  const grid = page.getByRole("grid");
  await expect(grid.getByRole("row").nth(1)).toContainText("zz last folder");
  await expect(grid).toHaveAttribute("aria-rowcount", "1236");
  await grid.focus();
  await page.keyboard.press("End");
  await expect(grid.getByText("1233.txt")).toBeVisible();
  await page.keyboard.press("Space");
  await expect(page.getByText("1 item chosen").first()).toBeVisible();
  await page.getByLabel("Find in this folder").fill("0500");
  await expect(grid.getByRole("row")).toHaveCount(2);
  await expect(page.getByText("1 item", { exact: true })).toBeVisible();
});

/** A picture of one red point. */
const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";

test("texts and pictures are shown, files and folders are downloaded", async ({ page, server, complaints }) => {
  const folder = join(server.folder, "Pictures");
  mkdirSync(folder);
  writeFileSync(join(folder, "point.png"), Buffer.from(PNG, "base64"));
  writeFileSync(join(folder, NAME), "<script>alert(1)</script>\nمرحبا\n");
  writeFileSync(join(folder, "noise.bin"), Buffer.from([0, 255, 0, 254]));
  const run = await server.run(await server.planFor("Pictures", folder));
  const [destination] = run.destinations as Json[];
  const address = `/snapshots/${String(destination?.repository)}/${String(destination?.snapshot)}?path=${encodeURIComponent(folder)}`;
  await server.open(page, address);
  const open = async (name: string) => {
    await page.getByRole("grid").getByRole("button", { name }).click();
    return page.getByRole("dialog", { name });
  };
  const text = await open(NAME);
  await expect(text.getByLabel("Preview")).toHaveText("<script>alert(1)</script>\nمرحبا\n");
  await accessible(page);
  const downloading = page.waitForEvent("download");
  await text.getByRole("link", { name: "Download" }).click();
  const file = await downloading;
  expect(file.suggestedFilename()).toMatch(/Brief .i. عربي\.txt/);
  expect(readFileSync(await file.path(), "utf8")).toBe("<script>alert(1)</script>\nمرحبا\n");
  await page.keyboard.press("Escape");

  const picture = (await open("point.png")).getByRole("img", { name: "point.png" });
  await expect(picture).toBeVisible();
  expect(await picture.evaluate((image: HTMLImageElement) => image.decode().then(() => image.naturalWidth))).toBe(1);
  await page.keyboard.press("Escape");
  await expect((await open("noise.bin")).getByText("Only texts and pictures are shown here.")).toBeVisible();
  await page.keyboard.press("Escape");

  const zipping = page.waitForEvent("download");
  await page.getByRole("link", { name: "Zip" }).click();
  const zip = readFileSync(await (await zipping).path());
  expect(zip.subarray(0, 2).toString()).toBe("PK");
  expect(zip.includes("point.png")).toBe(true);
  // That there is no preview of it may be said on the console.
  complaints.length = 0;
});
