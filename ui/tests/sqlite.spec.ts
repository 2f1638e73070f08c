import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";

import type { Page } from "@playwright/test";

import { accessible, expect, test, type Json, type Server } from "./server";
import { ask, hold } from "./sqlite";
import { expectNoSidewaysScroll } from "./walk";

const NAME = "App <b>data</b> 数据";
const ROWS = "SELECT name FROM people ORDER BY id";
const OLD = [["Ada"], ["Bob 数据"]];
const NEW = [["Ada"], ["Mallory"], ["Eve"]];

const CHANGE = "UPDATE people SET name = 'Mallory' WHERE id = 2; INSERT INTO people VALUES (3, 'Eve');";

/** Databases of one content, one of which has a write-ahead log. */
function databasesIn(server: Server): { folder: string; people: string; odd: string } {
  const folder = join(server.folder, "app");
  mkdirSync(folder);
  const [people, odd] = [join(folder, "people.db"), join(folder, "Größe, <b> 店.sqlite3")];
  const content = "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO people VALUES (1, 'Ada'), (2, 'Bob 数据');";
  ask(people, ROWS, `PRAGMA journal_mode = WAL; ${content}`);
  ask(odd, ROWS, content);
  return { folder, people, odd };
}

/** What is told by a name. */
const fact = (page: Page, name: string) =>
  page.locator("dl > div").filter({ has: page.locator("dt", { hasText: new RegExp(`^${name}$`) }) }).locator("dd");

/** Backs databases up, to the server's own repository unless another destination is named, and gives the page that restores them. */
async function backedUp(server: Server, databases: string[], destination?: string): Promise<string> {
  await expect.poll(async () => (await server.items("/destinations")).length).toBeGreaterThan(0);
  const to = destination ?? (await server.items("/destinations"))[0]?.id;
  const [known] = await server.items("/sources");
  const source = known ?? (await server.call("POST", "/sources", { name: NAME, spec: { type: "sqlite", databases } }));
  const plan = await server.call("POST", "/plans", { name: "Nightly", sources: [source.id], destinations: [to] });
  const backup = await server.run(plan);
  expect(backup.state).toBe("completed");
  const [made] = backup.destinations as Json[];
  return `/restore?repository=${made?.repository}&snapshot=${made?.snapshot}`;
}

async function restoreNow(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Restore now" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Restore now" }).click();
  await expect(page).toHaveURL(/\/runs\/[0-9a-f-]{36}$/);
}

const ends = (page: Page, state: "Completed" | "Failed") => expect(page.getByText(state, { exact: true }).first()).toBeVisible({ timeout: 60_000 });

test("databases are chosen in the form, backed up, and one of them is put back, with what was there kept beside it", async ({
  page,
  server,
  complaints,
}) => {
  test.setTimeout(180_000);
  const { folder, people, odd } = databasesIn(server);
  await server.open(page, "/sources/new");
  await page.getByRole("radio", { name: "SQLite databases" }).check();
  await page.getByRole("textbox", { name: "Name", exact: true }).fill(NAME);
  await expect(page.getByText("Programs may go on writing")).toBeVisible();
  await page.getByRole("button", { name: "Save" }).click();
  const chosen = page.getByLabel("Chosen");
  await expect(page.getByText("This is needed.")).toBeVisible();
  await chosen.fill("people.db");
  await expect(page.getByText("has to begin with a slash")).toBeVisible();
  await accessible(page);
  // What only the server refuses is said at the field, too.
  await chosen.fill(`${people}/`);
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText(/not a folder/).first()).toBeVisible();
  await expect(chosen).toHaveAttribute("aria-invalid", "true");
  await chosen.fill(`${people}\n${odd}\n${people}`);
  await page.getByText("Further options").click();
  await page.getByLabel("Folder for copies").fill(join(server.folder, "spool"));
  await accessible(page);
  for (const width of [360, 1280]) {
    await page.setViewportSize({ width, height: 800 });
    await expectNoSidewaysScroll(page);
  }
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page).toHaveURL(`${server.url}/sources`);
  const [source] = await server.items("/sources");
  expect(source?.spec).toEqual({ type: "sqlite", databases: [people, odd], spool: join(server.folder, "spool") });
  await expect(page.getByRole("listitem").filter({ hasText: NAME })).toContainText(people);
  await accessible(page);
  await page.getByRole("link", { name: NAME }).click();
  await expect(fact(page, "Databases")).toContainText(people);
  await expect(fact(page, "Folder for copies")).toHaveText(join(server.folder, "spool"));
  // The tree is open where they are. Only files are ticked in it.
  await expect(page.getByRole("treeitem", { name: "people.db", exact: true })).toHaveAttribute("aria-checked", "true");
  await expect(page.getByRole("treeitem", { name: "app", exact: true })).not.toHaveAttribute("aria-checked");
  await accessible(page);

  const address = await backedUp(server, [people, odd]);
  ask(people, ROWS, CHANGE);
  ask(odd, ROWS, CHANGE);
  await page.goto(server.url + address);
  await expect(page.getByRole("radio", { name: "Into their place" })).toBeChecked();
  await expect(page.getByRole("radio", { name: "The original place" })).toHaveCount(0);
  await expect(page.getByText("Stop the program that uses the databases.")).toBeVisible();
  await expect(page.getByLabel("Under another path")).toHaveCount(0);
  await page.getByRole("checkbox", { name: odd }).uncheck();
  await expect(page.getByRole("checkbox", { name: people })).toBeDisabled();
  await expect(page.getByText("1 chosen item", { exact: true })).toBeVisible();
  await page.getByLabel("Under another path").fill("old.db");
  await expect(page.getByRole("alert")).toContainText("absolute path of a file");
  await expect(page.getByRole("button", { name: "Restore now" })).toBeDisabled();
  await accessible(page);
  await page.getByLabel("Under another path").fill("");
  for (const width of [360, 1280]) {
    await page.setViewportSize({ width, height: 800 });
    await expectNoSidewaysScroll(page);
  }
  await page.getByRole("button", { name: "Dry run" }).click();
  const dry = page.getByRole("region", { name: "Dry run: nothing was written" });
  await expect(dry.locator("dl")).toContainText(/Databases it would put back1 \(.*Rows in them2/);
  await accessible(page);
  expect(ask(people, ROWS)).toEqual(NEW);

  await page.getByRole("button", { name: "Restore now" }).click();
  const dialog = page.getByRole("alertdialog");
  await expect(dialog).toContainText("Put 1 database back?");
  await expect(dialog).toContainText(`.before-… behind it: ${people}`);
  await accessible(page);
  await dialog.getByRole("button", { name: "Restore now" }).click();
  await ends(page, "Completed");
  expect(ask(people, ROWS)).toEqual(OLD);
  expect(ask(odd, ROWS)).toEqual(NEW);
  const aside = readdirSync(folder).filter((name) => /^people\.db\.before-[^-]+$/.test(name));
  expect(aside).toHaveLength(1);
  expect(ask(join(folder, aside[0] ?? ""), ROWS)).toEqual(NEW);
  await expect(fact(page, "Place")).toHaveText("Into their place");
  await expect(fact(page, "Databases put back")).toHaveText("1");
  await expect(fact(page, "Rows compared with the backup")).toHaveText("2");
  await expect(fact(page, "What was there is kept as")).toHaveText(join(folder, aside[0] ?? ""));
  await accessible(page);
  await page.getByRole("link", { name: "Restore again" }).click();
  await expect(page.getByRole("checkbox", { name: odd })).not.toBeChecked();
  await expect(page.getByRole("checkbox", { name: people })).toBeChecked();
  complaints.length = 0;
});

test("a database that is open stays, and goes under another path; a choice of files is told to be none of databases", async ({
  page,
  server,
}) => {
  test.setTimeout(180_000);
  const { folder, people, odd } = databasesIn(server);
  const address = await backedUp(server, [odd]);
  ask(odd, ROWS, CHANGE);
  const release = await hold(odd);
  await server.open(page, address);
  // The only one is not asked for.
  await expect(page.getByLabel("Under another path")).toHaveValue("");
  await expect(page.getByRole("checkbox", { name: odd })).toHaveCount(0);
  await restoreNow(page);
  await ends(page, "Failed");
  await expect(page.getByText(/it is open in python3/).first()).toBeVisible();
  await expect(page.getByText(/stop that program/).first()).toBeVisible();
  await accessible(page);
  expect(ask(odd, ROWS)).toEqual(NEW);

  // Beside it, nobody is in the way.
  const to = join(folder, "as it was.db");
  await page.getByRole("link", { name: "Restore again" }).click();
  await page.getByLabel("Under another path").fill(to);
  await restoreNow(page);
  await ends(page, "Completed");
  await expect(fact(page, "Place")).toHaveText(to);
  await expect(fact(page, "What was there is kept as")).toHaveCount(0);
  expect(ask(to, ROWS)).toEqual(OLD);
  await release();

  await page.getByRole("link", { name: "Restore again" }).click();
  await expect(page.getByLabel("Under another path")).toHaveValue(to);
  await page.getByLabel("Under another path").fill("");
  await restoreNow(page);
  await ends(page, "Completed");
  expect(ask(odd, ROWS)).toEqual(OLD);
  const [aside = ""] = readdirSync(folder).filter((name) => name.includes(".sqlite3.before-"));
  await expect(fact(page, "What was there is kept as")).toHaveText(join(folder, aside));
  expect(ask(join(folder, aside), ROWS)).toEqual(NEW);

  await page.goto(`${server.url}${address}&paths=${encodeURIComponent(JSON.stringify([people]))}`);
  await expect(page.getByRole("alert")).toContainText("one of the databases");
  await expect(page.getByRole("button", { name: "Restore now" })).toBeDisabled();
  await accessible(page);
  await page.getByRole("button", { name: "Restore everything instead" }).click();
  await expect(page.getByRole("button", { name: "Restore now" })).toBeEnabled();

  // As files they go to a folder, as those of any other source.
  await page.getByRole("radio", { name: "Another folder" }).check();
  await page.getByLabel("Folder", { exact: true }).fill(join(server.folder, "restored"));
  await page.getByRole("button", { name: "Restore now" }).click();
  await expect(page).toHaveURL(/\/runs\/[0-9a-f-]{36}$/);
  await ends(page, "Completed");
  expect(ask(join(server.folder, "restored", odd), ROWS)).toEqual(OLD);
  expect(existsSync(join(server.folder, "restored", people))).toBe(false);
});

test("all databases of an archive are put back, also when their source is forgotten", async ({ page, server }) => {
  test.setTimeout(120_000);
  const { folder, people, odd } = databasesIn(server);
  const settings = { type: "local", path: join(server.folder, "attic") };
  const connection = await server.call("POST", "/connections", { name: "Attic", settings });
  const body = { name: "Archives", connection: connection.id, holds: { type: "archives" } };
  const destination = await server.call("POST", "/destinations", body);
  const address = await backedUp(server, [people, odd], destination.id);
  const [[plan], [source]] = [await server.items("/plans"), await server.items("/sources")];
  await server.call("DELETE", `/plans/${plan?.id}`);
  await server.call("DELETE", `/sources/${source?.id}`);
  ask(people, ROWS, CHANGE);
  ask(odd, ROWS, CHANGE);
  await server.open(page, address);
  await expect(page.getByRole("radio", { name: "Into their place" })).toBeChecked();
  for (const path of [people, odd]) {
    await expect(page.getByRole("checkbox", { name: path })).toBeChecked();
  }
  await restoreNow(page);
  await ends(page, "Completed");
  expect([ask(people, ROWS), ask(odd, ROWS)]).toEqual([OLD, OLD]);
  await expect(fact(page, "Databases put back")).toHaveText("2");
  await expect(fact(page, "Rows compared with the backup")).toHaveText("4");
  // Each that is kept is told for itself, also where names have commas.
  const aside = readdirSync(folder).filter((name) => name.includes(".before-"));
  expect(aside).toHaveLength(2);
  for (const name of aside) {
    await expect(fact(page, "What was there is kept as").getByText(join(folder, name), { exact: true })).toBeVisible();
  }
});
