import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import type { Page } from "@playwright/test";

import { Listed } from "./listed";
import { Bucket } from "./s3";
import { accessible, expect, test, type Json, type Server } from "./server";
import { expectNoSidewaysScroll } from "./walk";

const NAME = "Photos <b>of</b> صور 写真";
const OBJECTS = { "photos/2026/one.jpg": "one\n".repeat(9000), "photos/日本語 <b>.txt": "two\n", "photos/three": "three\n" };
const LEFT_OUT = { "photos/left.tmp": "a pattern leaves it out\n", "logs/today": "no prefix takes it in\n" };

function put(bucket: Bucket, objects: Record<string, string>): void {
  for (const [key, content] of Object.entries(objects)) {
    mkdirSync(dirname(join(bucket.folder, key)), { recursive: true });
    writeFileSync(join(bucket.folder, key), content);
  }
}

const got = (bucket: Bucket, key: string) => readFileSync(join(bucket.folder, key), "utf8");

/** The keys of all objects of a bucket. */
const keys = (bucket: Bucket): string[] =>
  readdirSync(bucket.folder, { recursive: true, withFileTypes: true })
    .filter((item) => item.isFile())
    .map((item) => join(item.parentPath, item.name).slice(bucket.folder.length + 1))
    .sort();

/** What is told by a name. */
const fact = (page: Page, name: string) => page.locator("dl > div").filter({ has: page.locator("dt", { hasText: new RegExp(`^${name}$`) }) }).locator("dd");

/** The run that a page shows, when it has ended. */
async function ended(page: Page, server: Server): Promise<Json> {
  await expect(page).toHaveURL(/\/runs\/[0-9a-f-]{36}$/);
  const id = page.url().split("/").at(-1);
  await expect.poll(async () => (await server.call("GET", `/runs/${id}`)).state, { timeout: 60_000 }).toMatch(/completed|failed/);
  return server.call("GET", `/runs/${id}`);
}

test("a bucket is backed up, browsed, and restored into another one", async ({ page, server, complaints }) => {
  test.setTimeout(180_000);
  const [shelf, other] = [new Bucket(), new Bucket()];
  const listed = await Listed.before(shelf);
  put(shelf, { ...OBJECTS, ...LEFT_OUT });

  // The connection is made along with the source.
  await server.open(page, "/sources/new");
  await page.getByRole("radio", { name: "S3 bucket" }).check();
  await page.getByRole("textbox", { name: "Name", exact: true }).fill(NAME);
  await expect(page.getByLabel("Connection", { exact: true })).toHaveValue("new");
  await page.getByLabel("Name of the connection").fill("Shelf");
  await page.getByLabel("Address of the service").fill(listed.url);
  await page.getByRole("textbox", { name: "Bucket" }).fill(shelf.name);
  await page.getByLabel("Access key").fill(shelf.key);
  await page.getByLabel("Secret key").fill(shelf.secret);
  await page.getByLabel("Let it reach this host").check();
  await page.getByLabel("Keys begin with").fill("photos/\n../up");
  await page.getByLabel("Patterns of what is left out").fill("*.tmp");
  await page.getByRole("button", { name: "Try it and save" }).click();
  await expect(page.getByText("cannot be a part between slashes")).toBeVisible();
  await expect(page.getByLabel("Keys begin with")).toBeFocused();
  await accessible(page);
  await page.getByLabel("Keys begin with").fill("photos/");
  await page.getByRole("button", { name: "Try it and save" }).click();
  await expect(page).toHaveURL(`${server.url}/sources`);
  const way = (await server.items("/connections")).find(({ name }) => name === "Shelf");
  const [source] = await server.items("/sources");
  expect(source?.spec).toMatchObject({ type: "s3", connection: way?.id, prefixes: ["photos/"], excludes: ["*.tmp"], tags: true });
  await expect(page.getByRole("listitem").filter({ hasText: NAME })).toContainText(`Bucket ${shelf.name}, keys that begin with “photos/”`);
  await accessible(page);

  await page.getByRole("link", { name: NAME }).click();
  await expect(fact(page, "Keys begin with")).toHaveText("photos/");
  await page.getByText("Further options").click();
  await page.getByLabel("Take tags along").uncheck();
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page).toHaveURL(`${server.url}/sources`);
  expect((await server.items("/sources"))[0]?.spec).toMatchObject({ connection: way?.id, prefixes: ["photos/"], tags: false });
  await page.getByRole("link", { name: NAME }).click();
  await expect(fact(page, "Take tags along")).toHaveText("No");
  await accessible(page);
  for (const width of [360, 1280]) {
    await page.setViewportSize({ width, height: 800 });
    await expectNoSidewaysScroll(page);
  }
  await page.goto(`${server.url}/connections/${way?.id}`);
  await expect(fact(page, "Sources")).toHaveText(NAME);
  await expect(fact(page, "Destinations")).toHaveText("Not used by any destination");

  const destination = (await server.items("/destinations"))[0];
  const plan = await server.call("POST", "/plans", { name: "Bucket", sources: [source?.id], destinations: [destination?.id] });
  const backup = await server.run(plan);
  expect(backup.state).toBe("completed");
  const [made] = backup.destinations as Json[];
  await page.goto(`${server.url}/snapshots/${made?.repository}/${made?.snapshot}`);
  const grid = page.getByRole("grid");
  await grid.getByText(shelf.name, { exact: true }).dblclick();
  await grid.getByText("photos", { exact: true }).dblclick();
  await expect(grid.getByText("日本語 <b>.txt", { exact: true })).toBeVisible();
  await expect(grid.getByText("left.tmp", { exact: true })).toHaveCount(0);

  // What was in a bucket goes back to it unless another is chosen.
  const to = await server.call("POST", "/connections", { name: "Other", settings: listed.settings(other) });
  await page.getByRole("link", { name: "Restore everything" }).click();
  await expect(page.getByRole("radio", { name: "A bucket" })).toBeChecked();
  await expect(page.getByLabel("Connection to the bucket")).toHaveValue(String(way?.id));
  await page.getByLabel("Connection to the bucket").selectOption(String(to.id));
  await page.getByLabel("Put before all keys").fill("back/../");
  await expect(page.getByRole("alert")).toContainText("cannot be a part between slashes");
  await expect(page.getByRole("button", { name: "Restore now" })).toBeDisabled();
  await page.getByLabel("Put before all keys").fill("back/");
  await expect(page).toHaveURL(new RegExp(`into=${to.id}.*prefix=back`));
  await page.reload();
  await expect(page.getByLabel("Connection to the bucket")).toHaveValue(String(to.id));
  await expect(page.getByLabel("Put before all keys")).toHaveValue("back/");
  await accessible(page);
  await page.getByRole("button", { name: "Dry run" }).click();
  const dry = page.getByRole("region", { name: "Dry run: nothing was written" });
  await expect(dry.getByText("Completed", { exact: true })).toBeVisible();
  await expect(dry.locator("dl")).toContainText("Files it would restore3");
  expect(keys(other)).toEqual([]);
  await page.getByRole("button", { name: "Restore now" }).click();
  const first = await ended(page, server);
  const into = { type: "s3", connection: to.id, prefix: "back/" };
  expect(first).toMatchObject({ state: "completed", restore: { target: "/", into } });
  expect(keys(other)).toEqual(Object.keys(OBJECTS).map((key) => `back/${key}`).sort());
  for (const [key, content] of Object.entries(OBJECTS)) {
    expect(got(other, `back/${key}`)).toBe(content);
  }
  await expect(fact(page, "Place")).toHaveText(`Bucket ${other.name}, below “back/”`);
  await expect(fact(page, "Objects written")).toHaveText("3");
  await expect(fact(page, "Objects found as in the backup")).toHaveText("3");
  await accessible(page);

  // Again, over what was changed since, and with deleting.
  put(other, { "back/photos/three": "changed\n", "back/photos/stray": "stray\n", beside: "beside\n" });
  await page.getByRole("link", { name: "Restore again" }).click();
  await expect(page.getByLabel("Put before all keys")).toHaveValue("back/");
  await page.getByLabel("Delete what the snapshot does not have").check();
  await page.getByRole("button", { name: "Restore now" }).click();
  const dialog = page.getByRole("alertdialog");
  await expect(dialog).toContainText(`In the bucket ${other.name}, all objects whose keys begin with “back/”`);
  await accessible(page);
  await dialog.getByRole("button", { name: "No, go back" }).click();
  expect(existsSync(join(other.folder, "back/photos/stray"))).toBe(true);
  await page.getByRole("button", { name: "Restore now" }).click();
  await dialog.getByRole("button", { name: "Restore and delete" }).click();
  expect(await ended(page, server)).toMatchObject({ state: "completed", restore: { into, delete: true } });
  await expect(fact(page, "Objects that took the place of others")).toHaveText("1");
  await expect(fact(page, "Objects that were there already")).toHaveText("2");
  await expect(fact(page, "Objects deleted")).toHaveText("1");
  expect(keys(other)).toEqual(["beside", ...Object.keys(OBJECTS).map((key) => `back/${key}`)].sort());
  expect(got(other, "back/photos/three")).toBe(OBJECTS["photos/three"]);
  listed.end();
  complaints.length = 0;
});

test("files are offered a bucket where the node has one, and nobody who may not restore", async ({ page, server, complaints }) => {
  test.setTimeout(90_000);
  const bucket = new Bucket();
  const run = await server.run(await server.plan("Letters"));
  const [made] = run.destinations as Json[];
  const address = `/restore?repository=${made?.repository}&snapshot=${made?.snapshot}`;
  await server.open(page, address);
  await expect(page.getByRole("radio", { name: "The original place" })).toBeChecked();
  await expect(page.getByRole("radio", { name: "A bucket" })).toHaveCount(0);
  const way = await server.call("POST", "/connections", { name: NAME, settings: bucket.settings });

  await server.openAs("operator", page, address);
  await expect(page.getByRole("radio", { name: "The original place" })).toBeChecked();
  await page.getByRole("radio", { name: "A bucket" }).check();
  await expect(page.getByLabel("Connection to the bucket")).toHaveValue(String(way.id));
  await expect(page.getByText(`in ${bucket.name}`)).toBeVisible();
  await expect(page.getByRole("radio", { name: "Replace what looks changed" })).toHaveCount(0);
  await page.getByRole("radio", { name: "Keep newer objects" }).check();
  await expect(page).toHaveURL(new RegExp(`overwrite=if_newer.*into=${way.id}|into=${way.id}.*overwrite=if_newer`));
  await expect(page.getByRole("button", { name: "Restore now" })).toBeEnabled();
  await accessible(page);
  for (const width of [360, 1280]) {
    await page.setViewportSize({ width, height: 800 });
    await expectNoSidewaysScroll(page);
  }
  // A connection that is gone is not replaced by another.
  await page.goto(`${server.url}${address}&into=01900000-0000-7000-8000-000000000001`);
  await expect(page.getByLabel("Connection to the bucket")).toHaveValue("");
  await expect(page.getByRole("button", { name: "Restore now" })).toBeDisabled();
  await page.getByRole("radio", { name: "Another folder" }).check();
  await expect(page).not.toHaveURL(/into=/);
  await expect(page.getByRole("button", { name: "Restore now" })).toBeEnabled();

  await server.openAs("viewer", page, address);
  await expect(page.getByText("You may not restore here")).toBeVisible();
  await expect(page.getByRole("radio", { name: "A bucket" })).toHaveCount(0);
  complaints.length = 0;
});
