import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { Bucket } from "./s3";
import { accessible, expect, test } from "./server";

const SECRETS = ["bad secret", "it was wrong"];

test("backups go to a bucket and come back from it, and a bucket that is gone is told of", async ({ page, server, complaints }) => {
  test.setTimeout(120_000);
  const bucket = new Bucket();
  const folder = join(server.folder, "letters");
  const files = { "letter.txt": "Dear all\n", "deep/日本語 <b>.txt": "second\n".repeat(40_000) };
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(folder, name, ".."), { recursive: true });
    writeFileSync(join(folder, name), content);
  }

  await server.open(page, "/connections");
  await page.getByRole("link", { name: "Add a connection" }).click();
  await page.getByLabel("Type").selectOption("S3 bucket");
  await page.getByRole("textbox", { name: "Name" }).fill("Cloud");
  await page.getByLabel("Address of the service").fill(bucket.url);
  await page.getByRole("textbox", { name: "Bucket" }).fill(bucket.name);
  await page.getByLabel("Access key").fill(bucket.key);
  await page.getByLabel("Secret key").fill(SECRETS[0] ?? "");
  // A service of this host is not reached unless an owner says so.
  await page.getByRole("button", { name: "Try it and save" }).click();
  await expect(page.getByRole("alert").first()).toContainText(/private|this host/);
  await page.getByLabel("Let it reach this host").check();
  await page.getByRole("button", { name: "Try it and save" }).click();
  await expect(page.getByRole("alert").filter({ hasText: "nothing was saved" }).first()).toContainText(/denied|credentials|signature/i);
  await expect(page.getByLabel("Secret key")).toHaveValue(SECRETS[0] ?? "");
  await expect(page.getByRole("textbox", { name: "Bucket" })).toHaveValue(bucket.name);
  await accessible(page);
  expect(await server.items("/connections")).toHaveLength(1);
  await page.getByLabel("Secret key").fill(bucket.secret);
  await page.getByRole("button", { name: "Try it and save" }).click();
  await expect(page).toHaveURL(`${server.url}/connections`);
  await expect(page.getByRole("listitem").filter({ hasText: "Cloud" })).toContainText("Works");
  complaints.length = 0;

  await page.goto(`${server.url}/destinations/new`);
  await page.getByLabel("Name").fill("Bucket");
  const connection = (await server.items("/connections")).find(({ name }) => name === "Cloud");
  await page.getByRole("combobox", { name: "Connection" }).selectOption(connection?.id ?? "");
  await page.getByLabel("Folder").fill("office/backups");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("heading", { name: "Bucket", level: 1 })).toBeVisible();
  await page.goto(`${server.url}/sources/new`);
  await page.getByRole("textbox", { name: "Name" }).fill("Letters");
  await page.getByLabel("Chosen").fill(folder);
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page).toHaveURL(`${server.url}/sources`);
  await page.goto(`${server.url}/plans/new`);
  await page.getByLabel("Name").fill("To the cloud");
  await page.getByRole("checkbox", { name: /^Letters/ }).check();
  await page.getByRole("checkbox", { name: /^Bucket/ }).check();
  await page.getByRole("button", { name: "Make the plan" }).click();
  await page.getByRole("button", { name: "Back up now: To the cloud" }).click();
  await expect(page.getByText("Completed", { exact: true })).toBeVisible({ timeout: 60_000 });
  const [repository] = readdirSync(join(bucket.folder, "office/backups"));
  const stored = readdirSync(join(bucket.folder, "office/backups", repository ?? ""));
  expect(stored).toEqual(expect.arrayContaining(["config", "data", "index", "keys", "snapshots"]));

  await page.getByRole("link", { name: "Snapshots", exact: true }).click();
  const destination = (await server.items("/destinations")).find(({ name }) => name === "Bucket");
  const made = (await server.items("/repositories")).find((one) => one.destination === destination?.id);
  await page.getByLabel("Repository").selectOption(made?.id ?? "");
  await page.getByRole("table", { name: "Snapshots" }).getByRole("row").nth(1).getByRole("link").first().click();
  await page.goto(`${page.url()}?path=${encodeURIComponent(join(folder, "deep"))}`);
  await expect(page.getByRole("grid").getByText("日本語 <b>.txt", { exact: true })).toBeVisible();
  await page.getByRole("link", { name: "Restore everything" }).click();
  await page.getByLabel("Another folder").check();
  await page.getByLabel("Folder", { exact: true }).fill(join(server.folder, "back"));
  await page.getByRole("button", { name: "Restore now" }).click();
  await expect(page.getByText("Completed", { exact: true })).toBeVisible({ timeout: 60_000 });
  for (const [name, content] of Object.entries(files)) {
    expect(readFileSync(join(server.folder, "back", folder, name), "utf8")).toBe(content);
  }

  // Without the bucket the connection fails, and all who look see it.
  bucket.remove();
  await page.goto(`${server.url}/connections`);
  await page.getByRole("link", { name: "Cloud" }).click();
  await page.getByRole("button", { name: "Try now: Cloud" }).click();
  await expect(page.getByText("Fails", { exact: true })).toBeVisible({ timeout: 60_000 });
  await expect(page.getByText(/bucket/i).filter({ hasText: /not|no such/i }).first()).toBeVisible();
  await accessible(page);
  await page.goto(`${server.url}/connections`);
  await expect(page.getByRole("listitem").filter({ hasText: "Cloud" })).toContainText("Fails");
  await page.goto(server.url);
  await expect(page.getByText("The connection “Cloud” fails")).toBeVisible();
  await accessible(page);
  complaints.length = 0;
});

test("a secret that is wrong later is refused, and the one that works is kept", async ({ page, server, complaints }) => {
  const bucket = new Bucket();
  const made = await server.call("POST", "/connections", { name: "Cloud", settings: bucket.settings });
  await server.open(page, `/connections/${made.id}`);
  await expect(page.getByLabel("Secret key")).toHaveValue("");
  await page.getByLabel("Secret key").fill(SECRETS[1] ?? "");
  await page.getByRole("button", { name: "Try it and save" }).click();
  await expect(page.getByText("nothing was saved")).toBeVisible();
  await expect(page.getByLabel("Secret key")).toHaveValue(SECRETS[1] ?? "");
  await page.getByLabel("Secret key").fill("");
  await page.getByRole("textbox", { name: "Name" }).fill("Sky");
  await page.getByRole("button", { name: "Try it and save" }).click();
  await expect(page).toHaveURL(`${server.url}/connections`);
  await expect(page.getByRole("listitem").filter({ hasText: "Sky" })).toContainText("Works");
  // No secret comes to a page, nor back from it.
  for (const secret of [bucket.secret, ...SECRETS]) {
    expect(JSON.stringify(await server.items("/connections"))).not.toContain(secret);
    expect(await page.content()).not.toContain(secret);
  }
  bucket.remove();
  complaints.length = 0;
});
