// Destinations that hold archives, in a folder and with a receiver.

import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { Receiver } from "./receiver";
import { accessible, expect, test, type Json, type Server } from "./server";
import { expectNoSidewaysScroll } from "./walk";

const NAMES = ["letter.txt", "<b>bold.txt", "ملف عربي.txt", "日本語 📄.txt"];

/** A folder with a file of each name. */
function letters(server: Server): string {
  const folder = join(server.folder, "letters");
  mkdirSync(folder, { recursive: true });
  for (const name of NAMES) {
    writeFileSync(join(folder, name), `${name}\n`);
  }
  return folder;
}

type Holds = Record<string, unknown>;

/** A destination with archives in a folder, and a plan that goes there. */
async function archived(server: Server, holds: Holds = {}): Promise<{ folder: string; plan: Json; destination: Json }> {
  const folder = letters(server);
  const settings = { type: "local", path: join(server.folder, "attic") };
  const connection = await server.call("POST", "/connections", { name: "Attic", settings });
  const body = { name: "Archives", connection: connection.id, holds: { type: "archives", name: "Data", ...holds } };
  const destination = await server.call("POST", "/destinations", body);
  const plan = await server.planFor("Letters", folder, {}, String(destination.id));
  return { folder, plan, destination };
}

const madeOf = (run: Json) => (run.destinations as Json[])[0];

/** The files that lie below a folder. */
const filesIn = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name);

test("archives are named by patterns, made by a plan, looked into, downloaded and brought back", async ({ page, server, complaints }) => {
  test.setTimeout(120_000);
  const folder = letters(server);
  await server.open(page, "/destinations/new");
  await page.getByLabel("Name").first().fill("Archives <b>");
  await page.getByRole("combobox", { name: "Connection" }).selectOption("A new connection");
  const made = page.locator("section").filter({ has: page.getByRole("heading", { name: "A new connection" }) });
  await made.getByLabel("Name").fill("Attic");
  await made.getByLabel("Folder").fill(join(server.folder, "attic"));
  await expect(page.getByLabel("A repository (recommended)")).toBeChecked();
  await expect(page.getByLabel("Names")).toHaveCount(0);
  await page.getByLabel("Archives", { exact: true }).check();
  await expect(page.getByText("NODE/nightly/mysql-full-20260131T230509Z.zip.age")).toBeVisible();
  await page.getByLabel("Not encrypted").check();
  await expect(page.getByText("has all that was backed up")).toBeVisible();
  await page.getByLabel("Names").fill("{source}/{nobody}");
  await expect(page.getByText("These patterns cannot be used yet")).toBeVisible();
  await page.getByRole("button", { name: "Try it and save" }).click();
  await expect(page.getByText("There is no field {nobody}.")).toBeVisible();
  await expect(page.getByLabel("Names")).toBeFocused();
  await page.getByLabel("Names").fill("{source} {type} {n}");
  await page.getByLabel("Folders").fill("{plan}/{date:%Y}");
  await expect(page.getByText("NODE/nightly/2026/mysql full 1.zip", { exact: true })).toBeVisible();
  await page.getByLabel("One full archive in").fill("3");
  await page.getByLabel("Differential").check();
  await accessible(page);
  await page.setViewportSize({ width: 360, height: 800 });
  await expectNoSidewaysScroll(page);
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.getByRole("button", { name: "Try it and save" }).click();
  await expect(page.getByRole("heading", { name: "Archives <b>", level: 1 })).toBeVisible();
  const facts = page.locator("dl").first();
  await expect(facts).toContainText("Archives: zip");
  await expect(facts).toContainText("Not encrypted");
  await expect(facts).toContainText("One of 3; between: Differential");
  await expect(facts).toContainText("Each node has a folder of its own name");
  await accessible(page);
  const [, id = ""] = /destinations\/([0-9a-f-]+)/.exec(page.url()) ?? [];
  expect((await server.call("GET", `/destinations/${id}`)).holds).toEqual({
    type: "archives",
    format: "zip",
    mongodb: "mongodump",
    encryption: "plain",
    name: "{source} {type} {n}",
    folder: "{plan}/{date:%Y}",
    between: "differential",
    full_every: 3,
  });

  const plan = await server.planFor("Letters", folder, {}, id);
  const runs = [await server.run(plan)];
  writeFileSync(join(folder, "letter.txt"), "second\n");
  runs.push(await server.run(plan));
  expect(runs.map(({ state }) => state)).toEqual(["completed", "completed"]);
  const [node] = await server.items("/nodes");
  const year = new Date().getUTCFullYear();
  const place = join(server.folder, "attic", String(node?.name), "Letters", String(year));
  expect(filesIn(place)).toEqual(expect.arrayContaining(["Letters files full 1.zip", "Letters files differential 1.zip"]));
  const listed = execFileSync("python3", ["-m", "zipfile", "-l", join(place, "Letters files full 1.zip")]).toString();
  for (const name of NAMES) {
    expect(listed).toContain(name);
  }

  // From the run to its archive.
  await page.goto(`${server.url}/runs/${runs[1]?.id}`);
  await page.getByRole("link", { name: String(madeOf(runs[1] as Json)?.snapshot).slice(0, 8) }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Letters files differential 1.zip");
  await expect(page.locator("dl").first()).toContainText(`Letters/${year}/Letters files differential 1.zip`);
  await accessible(page);
  await page.goto(`${page.url().split("?")[0]}?path=${encodeURIComponent(folder)}`);
  const grid = page.getByRole("grid");
  for (const name of NAMES) {
    await expect(grid.getByText(name, { exact: true })).toBeVisible();
  }
  await grid.getByText("letter.txt", { exact: true }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog).toContainText("2 versions");
  await expect(dialog.getByText("second")).toBeVisible();
  const coming = page.waitForEvent("download");
  await dialog.getByRole("link", { name: "Download" }).click();
  expect(readFileSync(await (await coming).path(), "utf8")).toBe("second\n");
  await dialog.getByRole("button", { name: "Close" }).click();
  await page.getByRole("link", { name: "Compare with the one before" }).click();
  await expect(page.getByRole("list", { name: "Changes" })).toContainText("letter.txt");
  await expect(page.getByLabel("After")).toContainText("Letters files differential 1.zip");
  await page.goto(`${server.url}/search?repository=${madeOf(runs[0] as Json)?.repository}&name=arab`);
  await expect(page.getByText("Nothing is called “arab”")).toBeVisible();
  await page.getByRole("searchbox", { name: "Name" }).fill("عربي");
  await page.getByRole("button", { name: "Find", exact: true }).click();
  await expect(page.getByRole("list", { name: "Find in all snapshots" })).toContainText("ملف عربي.txt");

  // Back into another folder.
  await page.goto(`${server.url}/snapshots?repository=${madeOf(runs[0] as Json)?.repository}`);
  const table = page.getByRole("table", { name: "Snapshots" });
  await expect(table).toContainText(`Letters/${year}/Letters files full 1.zip`);
  await accessible(page);
  await table.getByRole("row").nth(1).getByRole("link").click();
  await page.getByRole("link", { name: "Restore everything" }).click();
  await expect(page.locator("dl").first()).toContainText("Letters files differential 1.zip");
  await expect(page.getByLabel("Replace what differs")).toBeChecked();
  await expect(page.getByLabel("Keep newer files")).toHaveCount(0);
  await expect(page.getByLabel("Delete what the snapshot does not have")).toHaveCount(0);
  await accessible(page);
  await page.getByLabel("Another folder").check();
  await page.getByLabel("Folder", { exact: true }).fill(join(server.folder, "back"));
  await page.getByRole("button", { name: "Dry run" }).click();
  await expect(page.getByRole("region", { name: "Dry run: nothing was written" }).locator("dl")).toContainText("4 (");
  await page.getByRole("button", { name: "Restore now" }).click();
  await expect(page).toHaveURL(/\/runs\//);
  await expect(page.getByText("Completed", { exact: true })).toBeVisible({ timeout: 60_000 });
  expect(readFileSync(join(server.folder, "back", folder, "letter.txt"), "utf8")).toBe("second\n");
  expect(readFileSync(join(server.folder, "back", folder, "日本語 📄.txt"), "utf8")).toBe("日本語 📄.txt\n");
  complaints.length = 0;
});

test("an archive that others need is not deleted, and one that none needs is", async ({ page, server, complaints }) => {
  const { plan, folder } = await archived(server, { full_every: 2, encryption: "plain" });
  const full = madeOf(await server.run(plan));
  writeFileSync(join(folder, "letter.txt"), "second\n");
  const later = madeOf(await server.run(plan));
  await server.open(page, `/snapshots/${full?.repository}/${full?.snapshot}`);
  await expect(page.getByText("An archive keeps the tags that it was made with")).toBeVisible();
  await expect(page.getByLabel("New tag")).toHaveCount(0);
  await expect(page.getByRole("button", { name: "Put on hold" })).toHaveCount(0);
  const remove = async () => {
    await page.getByRole("button", { name: "Delete snapshot" }).click();
    await expect(page.getByRole("alertdialog")).toContainText("Its file is deleted");
    await page.getByRole("alertdialog").getByRole("button", { name: "Delete snapshot" }).click();
  };
  await remove();
  await expect(page.getByRole("alert")).toContainText(/needed by .*\.zip/);
  await expect(page.getByRole("alert")).toContainText("remove those that need it first");
  await accessible(page);
  // One that was cut short is known as such, and what is left of it can go.
  const attic = join(server.folder, "attic");
  const isLater = (name: string) => name.endsWith(".zip") && !name.endsWith("Data.zip");
  truncateSync(join(attic, readdirSync(attic, { recursive: true }).map(String).find(isLater) ?? ""), 10);
  await page.goto(`${server.url}/snapshots?repository=${later?.repository}`);
  const rows = page.getByRole("table", { name: "Snapshots" }).getByRole("row");
  await expect(rows).toHaveCount(3);
  await expect(rows.filter({ hasText: "Damaged" })).toHaveCount(1);
  await page.goto(`${server.url}/snapshots/${later?.repository}/${later?.snapshot}`);
  await expect(page.getByText("is not of the length that its manifest tells")).toBeVisible();
  await expect(page.getByRole("link", { name: "Restore everything" })).toHaveCount(0);
  await accessible(page);
  await remove();
  await expect(page).toHaveURL(/\/snapshots\?repository=/);
  await expect(page.getByRole("table", { name: "Snapshots" }).getByRole("row")).toHaveCount(2);
  expect(filesIn(join(server.folder, "attic")).filter((name) => name.endsWith(".zip"))).toEqual(["Data.zip"]);
  complaints.length = 0;
});

test("what a destination holds stays as it is once something is stored there, and the rest may change", async ({ page, server, complaints }) => {
  const { plan, destination } = await archived(server);
  await server.run(plan);
  await server.open(page, `/destinations/${destination.id}`);
  await expect(page.getByRole("heading", { name: "Archives", level: 2 })).toBeVisible();
  await page.getByLabel("A repository (recommended)").check();
  await page.getByRole("button", { name: "Save" }).click();
  const holds = page.locator("section").filter({ has: page.getByRole("heading", { name: "What it holds" }) });
  await expect(holds.getByRole("alert")).toContainText("has repositories where it lies now");
  await page.getByLabel("Archives", { exact: true }).check();
  await expect(page.getByLabel("Names")).toHaveValue("Data");
  await page.getByLabel("tar.zst").check();
  await page.getByText("Further options").click();
  await expect(page.getByLabel("Compression")).toHaveCount(0);
  await page.getByLabel("Send in chunks what is larger than", { exact: true }).fill("5");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page).toHaveURL(`${server.url}/destinations`);
  expect((await server.call("GET", `/destinations/${destination.id}`)).holds).toMatchObject({ format: "tar.zst", split_over: 5_000_000_000 });
  await server.run(plan);
  expect(filesIn(join(server.folder, "attic"))).toEqual(expect.arrayContaining(["Data.zip.age", "Data.tar.zst.age"]));

  await page.getByRole("link", { name: "Archives", exact: true }).click();
  await page.getByRole("button", { name: "Show the key" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Show the key" }).click();
  await expect(page.getByText("The key of the archives")).toBeVisible();
  const key = await page.getByText(/^AGE-SECRET-KEY-1/).innerText();
  await accessible(page);

  // Whoever has the key can adopt them elsewhere.
  const settings = { type: "local", path: join(server.folder, "attic") };
  const connection = await server.call("POST", "/connections", { name: "The same disk", settings });
  const holding = { type: "archives", name: "Data" };
  const again = await server.call("POST", "/destinations", { name: "Again", connection: connection.id, holds: holding });
  const [node] = await server.items("/nodes");
  await page.goto(`${server.url}/destinations/${again.id}`);
  await page.getByText("Adopt archives that are there already").click();
  const form = page.locator("details").filter({ hasText: "Adopt archives" });
  await form.getByLabel("Folder").fill(String(node?.name));
  await form.getByLabel("Key of the archives").fill(key.replace("1", "2"));
  await form.getByRole("button", { name: "Open and adopt them" }).click();
  await expect(form.getByRole("alert").first()).toBeVisible();
  await form.getByLabel("Key of the archives").fill(key);
  await form.getByRole("button", { name: "Open and adopt them" }).click();
  await expect(form.getByText("Adopted, with 2 snapshots.")).toBeVisible();
  complaints.length = 0;
});

test("archives go to a receiver that is known by its fingerprint, and come back from it", async ({ page, server, complaints }) => {
  test.setTimeout(120_000);
  const folder = letters(server);
  const receiver = new Receiver(server.folder);
  const token = receiver.letIn("web");
  await receiver.start();
  await server.open(page, "/connections/new?type=receiver");
  await page.getByRole("textbox", { name: "Name" }).fill("Cellar");
  await page.getByLabel("Address", { exact: true }).fill("https://127.0.0.1");
  await page.getByLabel("Port").fill(receiver.port);
  await page.getByRole("button", { name: "Try it and save" }).click();
  await expect(page.getByText("Only the name or the address")).toBeVisible();
  await expect(page.getByText("This is needed.")).toHaveCount(2);
  await page.getByLabel("Address", { exact: true }).fill("127.0.0.1");
  await page.getByLabel("Token").fill(token);
  await page.getByLabel("Fingerprint", { exact: true }).fill("AB:".repeat(31) + "AB");
  await accessible(page);
  // One of this host is not reached unless an owner says so, and another's certificate is not taken.
  await page.getByRole("button", { name: "Try it and save" }).click();
  await expect(page.getByRole("alert").first()).toContainText(/private|this host/);
  await page.getByLabel("Let it reach this host").check();
  await page.getByRole("button", { name: "Try it and save" }).click();
  await expect(page.getByText("nothing was saved")).toBeVisible({ timeout: 60_000 });
  await expect(page.getByLabel("Token")).toHaveValue(token);
  await page.getByLabel("Fingerprint", { exact: true }).fill(receiver.fingerprint);
  await page.getByRole("button", { name: "Try it and save" }).click();
  await expect(page).toHaveURL(`${server.url}/connections`, { timeout: 60_000 });
  const row = page.getByRole("listitem").filter({ hasText: "Cellar" });
  await expect(row).toContainText("Works");
  await expect(row).toContainText(`Receiver · 127.0.0.1:${receiver.port}`);
  await page.getByRole("link", { name: "Cellar" }).click();
  await expect(page.locator("dl").first()).toContainText(receiver.fingerprint);
  await expect(page.getByLabel("Token")).toHaveValue("");
  await accessible(page);
  const connection = (await server.items("/connections")).find(({ name }) => name === "Cellar");
  expect(JSON.stringify(connection)).not.toContain(token);

  const holds = { type: "archives", name: "Data" };
  const destination = await server.call("POST", "/destinations", { name: "Cellar archives", connection: connection?.id, holds });
  const plan = await server.planFor("Letters", folder, {}, destination.id);
  const run = await server.run(plan);
  expect(run.state).toBe("completed");
  expect(filesIn(receiver.path)).toContain("Data.zip.age");
  const repository = madeOf(run)?.repository;
  await page.goto(`${server.url}/restore?repository=${repository}&snapshot=latest&target=${encodeURIComponent(join(server.folder, "back"))}`);
  await page.getByRole("button", { name: "Restore now" }).click();
  await expect(page).toHaveURL(/\/runs\//);
  await expect(page.getByText("Completed", { exact: true })).toBeVisible({ timeout: 60_000 });
  expect(readFileSync(join(server.folder, "back", folder, "<b>bold.txt"), "utf8")).toBe("<b>bold.txt\n");

  await receiver.stop();
  rmSync(receiver.path, { recursive: true });
  await page.goto(`${server.url}/connections/${connection?.id}`);
  await page.getByRole("button", { name: "Try now: Cellar" }).click();
  await expect(page.getByText("Fails", { exact: true })).toBeVisible({ timeout: 60_000 });
  await accessible(page);
  complaints.length = 0;
});
