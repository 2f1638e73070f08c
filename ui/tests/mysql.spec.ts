import type { Page } from "@playwright/test";

import { database, isWithout, method, settings } from "./mysql";
import { accessible, expect, test, type Json, type Server } from "./server";
import { expectNoSidewaysScroll } from "./walk";

const NAME = "Shop <b>db</b> متجر 数据";
const WRONG = "it was never right";

test.beforeEach(() => test.skip(isWithout(), "BACKSTAY_TEST_MYSQL_* tells of no MariaDB"));

async function fillCommand(page: Page, group: string, verb: string): Promise<void> {
  const fields = page.getByRole("group", { name: group });
  await fields.getByLabel("Program").fill(database.systemctl);
  await fields.getByLabel("Arguments").fill(`${verb}\n--\n${database.service}`);
}

const more = (run: Json) => (run.outcome as { more: Record<string, string> }).more;

/** What is told by a name. */
const fact = (page: Page, name: string) => page.locator("dl > div").filter({ has: page.locator("dt", { hasText: name }) }).locator("dd");

/** A source with a connection of its own, and a plan for it. */
async function planned(server: Server): Promise<{ source: Json; plan: Json }> {
  await expect.poll(async () => (await server.items("/destinations")).length).toBe(1);
  const [destination] = await server.items("/destinations");
  const connection = await server.call("POST", "/connections", { name: NAME, settings: settings() });
  const spec = { type: "mysql", connection: connection.id, method: method() };
  const source = await server.call("POST", "/sources", { name: NAME, spec });
  const plan = await server.call("POST", "/plans", { name: "Database", sources: [source.id], destinations: [destination?.id] });
  return { source, plan };
}

test("a database is connected to, stopped, backed up, and known from its snapshot", async ({ page, server, complaints }) => {
  test.setTimeout(180_000);
  await server.open(page, "/connections");
  await page.getByRole("link", { name: "Add a connection" }).click();
  await page.getByLabel("Type").selectOption("MySQL or MariaDB");
  await page.getByLabel("By host and port").check();
  await page.getByRole("textbox", { name: "Name", exact: true }).fill(NAME);
  await page.getByLabel("Port", { exact: true }).fill("0");
  await page.getByLabel("User", { exact: true }).fill(database.user);
  await page.getByRole("button", { name: "Try it and save" }).click();
  await expect(page.getByText("From 1 to 65535.")).toBeVisible();
  await page.getByLabel("Port", { exact: true }).fill(String(database.port));
  await page.getByLabel("Password").fill(WRONG);
  await accessible(page);
  await page.getByRole("button", { name: "Try it and save" }).click();
  const refusal = page.getByRole("alert").filter({ hasText: "nothing was saved" });
  await expect(refusal).toContainText(/denied/i);
  await expect(page.getByLabel("Password")).toHaveValue(WRONG);
  await accessible(page);
  expect(await server.items("/connections")).toHaveLength(1);
  await page.getByLabel("Password").fill(database.password);
  await page.getByRole("button", { name: "Try it and save" }).click();
  await expect(page).toHaveURL(`${server.url}/connections`);
  const listed = page.getByRole("listitem").filter({ hasText: NAME });
  await expect(listed).toContainText("Works");
  await expect(listed).toContainText(`${database.user} · 127.0.0.1:${database.port}`);
  await expect(listed).toContainText("Not used by any source");

  await page.goto(`${server.url}/sources/new`);
  await page.getByRole("radio", { name: /^MySQL or MariaDB/ }).check();
  await page.getByRole("textbox", { name: "Name", exact: true }).fill(NAME);
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByLabel("Connection", { exact: true })).toBeFocused();
  const connection = (await server.items("/connections")).find(({ name }) => name === NAME);
  await page.getByLabel("Connection", { exact: true }).selectOption(connection?.id ?? "");
  await page.getByRole("radio", { name: "By commands of your own" }).check();
  await fillCommand(page, "To stop it", "stop");
  await fillCommand(page, "To start it", "start");
  await page.getByRole("radio", { name: "Copy the files on the host first" }).check();
  await page.getByText("Further options").click();
  await page.getByLabel("Data directory").fill("relative");
  await accessible(page);
  await page.getByText("Further options").click();
  await page.getByRole("button", { name: "Save" }).click();
  // What is folded is opened where it is wrong.
  await expect(page.getByLabel("Data directory")).toBeFocused();
  await page.getByLabel("Data directory").fill("");
  await page.getByLabel("Stopping may take", { exact: true }).fill("90");
  await page.getByRole("combobox", { name: "Stopping may take: unit" }).selectOption("seconds");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page).toHaveURL(`${server.url}/sources`);
  const [source] = await server.items("/sources");
  expect(source?.spec).toMatchObject({
    type: "mysql",
    connection: connection?.id,
    method: { ...method(), sequence: "copy_first", stop_timeout: "1m30s", copy_timeout: "6h", start_timeout: "5m" },
  });
  await expect(page.getByRole("listitem").filter({ hasText: NAME })).toContainText(`127.0.0.1:${database.port}`);
  await page.getByRole("link", { name: NAME }).click();
  await expect(page.getByText("90 seconds")).toBeVisible();
  await expect(page.getByRole("group", { name: "To stop it" }).getByLabel("Arguments")).toHaveValue(`stop\n--\n${database.service}`);
  await accessible(page);
  for (const width of [360, 1280]) {
    await page.setViewportSize({ width, height: 800 });
    await expectNoSidewaysScroll(page);
  }

  const [destination] = await server.items("/destinations");
  const plan = await server.call("POST", "/plans", { name: "Database", sources: [source?.id], destinations: [destination?.id] });
  const run = await server.run(plan);
  expect(run).toMatchObject({ state: "completed" });
  await page.goto(`${server.url}/runs/${run.id}`);
  await expect(page.getByText("Completed", { exact: true })).toBeVisible();
  expect(Number(more(run).downtime_ms)).toBeGreaterThan(0);
  await expect(fact(page, "Database stopped for")).toHaveText(/^\d+(\.\d)? s$/);
  await accessible(page);

  const [made] = run.destinations as Json[];
  await page.goto(`${server.url}/snapshots/${made?.repository}/${made?.snapshot}`);
  await page.getByRole("grid").getByText(".backstay", { exact: true }).dblclick();
  await page.getByRole("grid").getByText("instance.json", { exact: true }).dblclick();
  await expect(page.getByRole("dialog")).toContainText("data_dir");
  await accessible(page);
  complaints.length = 0;
});

test("a connection that is made along with a source stays when the source is refused, and nothing is lost", async ({ page, server, complaints }) => {
  await server.open(page, "/sources/new?type=mysql");
  await page.getByRole("textbox", { name: "Name", exact: true }).fill("Along");
  // There is none yet.
  await expect(page.getByLabel("Connection", { exact: true })).toHaveValue("new");
  await page.getByLabel("Name of the connection").fill("Way");
  await page.getByLabel("By host and port").check();
  await page.getByLabel("Port", { exact: true }).fill(String(database.port));
  await page.getByLabel("User", { exact: true }).fill(database.user);
  await page.getByLabel("Password").fill(WRONG);
  await page.getByLabel("Name of the service").fill("mariadb");
  await page.getByRole("button", { name: "Try it and save" }).click();
  await expect(page.getByRole("alert").filter({ hasText: "nothing was saved" })).toBeVisible();
  await expect(page.getByLabel("Name of the service")).toHaveValue("mariadb");
  await accessible(page);
  await page.getByLabel("Password").fill(database.password);
  await page.getByRole("button", { name: "Try it and save" }).click();
  await expect(page).toHaveURL(`${server.url}/sources`);
  const way = (await server.items("/connections")).find(({ name }) => name === "Way");
  const [source] = await server.items("/sources");
  expect(source?.spec).toMatchObject({ connection: way?.id, method: { service: { service: "mariadb" }, sequence: "auto" } });
  // Backups do not go to a database.
  await page.goto(`${server.url}/destinations/new`);
  await expect(page.getByRole("combobox", { name: "Connection" }).getByRole("option")).toContainText(["Choose one", "This computer", "A new connection"]);
  await expect(page.getByRole("option", { name: /^Way/ })).toHaveCount(0);
  complaints.length = 0;
});

test("a database is brought back in its place, after a dry run and a question", async ({ page, server, complaints }) => {
  test.setTimeout(180_000);
  const { source, plan } = await planned(server);
  const backup = await server.run(plan);
  expect(backup.state).toBe("completed");
  await server.open(page, "/plans");
  await page.getByRole("link", { name: "Restore latest: Database" }).click();
  await expect(page.getByRole("radio", { name: "Bring the database back in place" })).toBeChecked();
  await expect(page.getByRole("main")).toContainText(NAME);
  await expect(page.getByText("the database gets its old files back")).toBeVisible();
  await accessible(page);
  await page.getByRole("radio", { name: "The original place" }).check();
  await expect(page.getByText("This writes over the files of the database")).toBeVisible();
  await page.reload();
  await expect(page.getByRole("radio", { name: "The original place" })).toBeChecked();
  await page.getByRole("radio", { name: "Bring the database back in place" }).check();

  await page.getByRole("button", { name: "Dry run" }).click();
  const dry = page.getByRole("region", { name: "Dry run: nothing was written" });
  await expect(dry.getByText("Completed", { exact: true })).toBeVisible();
  await expect(dry).toContainText("Files it would restore");
  await expect(dry).not.toContainText("delete");
  await accessible(page);
  await page.getByRole("button", { name: "Bring the database back" }).click();
  const dialog = page.getByRole("alertdialog");
  await expect(dialog).toContainText(`Bring “\u2068${NAME}\u2069” back?`);
  await accessible(page);
  await dialog.getByRole("button", { name: "No, go back" }).click();
  await page.getByRole("button", { name: "Bring the database back" }).click();
  await dialog.getByRole("button", { name: "Bring the database back" }).click();
  await expect(page).toHaveURL(/\/runs\/[0-9a-f-]{36}$/);
  const ended = () => server.call("GET", `/runs/${page.url().split("/").at(-1)}`);
  await expect.poll(async () => (await ended()).state, { timeout: 90_000 }).toBe("completed");
  const run = await ended();
  expect(run.restore).toMatchObject({ instance: source.id, target: "/" });
  expect(Number(more(run).tables_checked)).toBeGreaterThan(0);
  await expect(fact(page, "Tables checked")).toHaveText(Number(more(run).tables_checked).toLocaleString("en"));
  await expect(fact(page, "Database stopped for")).toHaveText(/^\d+(\.\d)? s$/);
  await expect(fact(page, "Place")).toHaveText("Bring the database back in place");
  await accessible(page);
  await page.getByRole("link", { name: "Restore again" }).click();
  await expect(page.getByRole("radio", { name: "Bring the database back in place" })).toBeChecked();

  // Where it could be one of several, somebody has to say which.
  const connection = (source.spec as { connection: string }).connection;
  const spec = { type: "mysql", connection, method: method() };
  const other = await server.call("POST", "/sources", { name: "Other", spec });
  const { name, destinations, revision } = plan;
  await server.call("PUT", `/plans/${plan.id}`, { name, destinations, revision, sources: [source.id, other.id] });
  const [made] = backup.destinations as Json[];
  await page.goto(`${server.url}/restore?repository=${made?.repository}&snapshot=${made?.snapshot}`);
  await expect(page.getByRole("button", { name: "Bring the database back" })).toBeDisabled();
  await page.getByRole("combobox", { name: "Database" }).selectOption("Other");
  await expect(page).toHaveURL(new RegExp(`instance=${other.id}`));
  await expect(page.getByRole("button", { name: "Bring the database back" })).toBeEnabled();
  complaints.length = 0;
});

test("an admin sees why an owner has to decide, and may still rename", async ({ page, server, complaints }) => {
  const { source } = await planned(server);
  await server.openAs("admin", page, "/sources/new?type=mysql");
  await expect(page.getByRole("status").filter({ hasText: "only an owner of the project may decide that" })).toBeVisible();
  await expect(page.getByRole("button", { name: "Save" })).toHaveCount(0);
  await accessible(page);
  await page.goto(`${server.url}/connections/new?type=mysql`);
  await expect(page.getByRole("status").filter({ hasText: "only an owner of the project may allow that" })).toBeVisible();
  await expect(page.getByRole("button", { name: "Try it and save" })).toHaveCount(0);
  await page.getByRole("textbox", { name: "Name", exact: true }).press("Enter");
  await expect(page.getByText("This is needed.")).toHaveCount(0);
  await accessible(page);
  await page.goto(`${server.url}/sources/${source.id}`);
  await expect(page.getByText("is for an owner of the project to change")).toBeVisible();
  await page.getByRole("textbox", { name: "Name", exact: true }).fill("Renamed");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page).toHaveURL(`${server.url}/sources`);
  const [renamed] = await server.items("/sources");
  expect(renamed).toMatchObject({ name: "Renamed", spec: source.spec });
  const { connection } = source.spec as { connection: string };
  await page.goto(`${server.url}/connections/${connection}`);
  await expect(page.getByText("You may change its name and its password.")).toBeVisible();
  await page.getByRole("textbox", { name: "Name", exact: true }).fill("Way");
  await page.getByRole("button", { name: "Try it and save" }).click();
  await expect(page.getByRole("listitem").filter({ hasText: "Way" })).toContainText("Works");
  complaints.length = 0;
});
