// A second node, in a process of its own, joined over TLS: what is on it is backed up, and brought back to it and to the server.

import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Page } from "@playwright/test";

import { Bucket } from "./s3";
import { PROGRAM, accessible, expect, test, type Json, type Server } from "./server";

test.use({ options: ["--tls", "self-signed"], ignoreHTTPSErrors: true });
process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";

const NAME = "Büro <i>";
const FILES: Record<string, Buffer> = {
  "letter.txt": Buffer.from("Dear all\n"),
  "deep/ملف عربي.txt": Buffer.from("second\n".repeat(30_000)),
  "deep/deeper/بلا.bin": Buffer.from(Array.from({ length: 70_000 }, (_, place) => (place * 31 + (place >> 8)) % 256)),
  "empty": Buffer.alloc(0),
};

/** Makes the agent, which may read and write where this says. Gives what ends it. */
async function joined(server: Server, place: string, policy: Record<string, unknown>): Promise<() => void> {
  const { token } = await server.call("POST", "/nodes/tokens", { name: NAME });
  const file = join(server.folder, "policy.toml");
  writeFileSync(file, Object.entries(policy).map(([name, value]) => `${name} = ${JSON.stringify(value)}\n`).join(""));
  const options = ["--data-dir", join(place, "data"), "--policy", file];
  const env = { PATH: process.env.PATH, HOME: place, BACKSTAY_JOIN_TOKEN: String(token) };
  execFileSync(PROGRAM, ["agent", "join", server.url, ...options], { env });
  const agent = spawn(PROGRAM, ["agent", "run", ...options], { env, stdio: "ignore" });
  return () => agent.kill();
}

/** What the page of a run is about, when it has ended. */
async function ended(page: Page, server: Server): Promise<Json> {
  await expect(page).toHaveURL(/\/runs\/[0-9a-f-]{36}$/);
  const id = page.url().split("/").at(-1);
  await expect.poll(async () => (await server.call("GET", `/runs/${id}`)).state, { timeout: 60_000 }).toMatch(/completed|failed/);
  return server.call("GET", `/runs/${id}`);
}

/** Sees that everything is in a folder as it was. */
function same(folder: string): void {
  for (const [name, content] of Object.entries(FILES)) {
    expect(readFileSync(join(folder, name)).equals(content), name).toBe(true);
  }
}

test("what is on another computer is backed up, browsed, and restored there and on the server", async ({ page, server }) => {
  test.setTimeout(120_000);
  const [place, out] = [join(server.folder, "far"), join(server.folder, "far", "out")];
  const bucket = new Bucket();
  const letters = join(place, "letters");
  for (const [name, content] of Object.entries(FILES)) {
    mkdirSync(join(letters, name, ".."), { recursive: true });
    writeFileSync(join(letters, name), content);
  }
  const leave = await joined(server, place, { read: [letters], write: [out], private_addresses: true });
  try {
    const connection = await server.call("POST", "/connections", { name: "Cloud", settings: bucket.settings });
    await server.call("POST", "/destinations", { name: "Bucket", connection: connection.id });

    await server.open(page, "/nodes");
    await page.getByRole("link", { name: NAME }).click();
    const node = page.url().split("/").at(-1);
    await page.goto(`${server.url}/sources/new?node=${node}`);
    await page.getByRole("textbox", { name: "Name" }).fill("Letters");
    await expect(page.getByRole("option", { name: NAME, selected: true })).toHaveCount(1);
    await page.getByLabel("Chosen").fill(letters);
    await page.getByRole("button", { name: "Save" }).click();
    await expect(page).toHaveURL(`${server.url}/sources`);
    await page.goto(`${server.url}/plans/new`);
    await page.getByLabel("Name").fill("From afar");
    await page.getByRole("checkbox", { name: /^Letters/ }).check();
    await page.getByRole("checkbox", { name: /^Bucket/ }).check();
    await page.getByRole("button", { name: "Make the plan" }).click();
    await page.getByRole("button", { name: "Back up now: From afar" }).click();
    expect(await ended(page, server)).toMatchObject({ state: "completed", node });
    await expect(page.getByRole("log")).toContainText("saved snapshot");

    // A folder of it is looked into, and chosen.
    await page.getByRole("link", { name: "Snapshots", exact: true }).click();
    const made = (await server.items("/repositories")).find((one) => one.node === node);
    await page.getByLabel("Repository").selectOption(made?.id ?? "");
    await page.getByRole("table", { name: "Snapshots" }).getByRole("row").nth(1).getByRole("link").first().click();
    for (const part of letters.split("/").filter((part) => part !== "")) {
      await page.getByRole("grid").getByText(part, { exact: true }).click();
    }
    await expect(page.getByRole("grid").getByText("letter.txt", { exact: true })).toBeVisible();
    await page.getByRole("link", { name: "Restore everything" }).click();

    // What the computer's owner does not allow is told, and nothing is written.
    await expect(page.getByLabel("Node").locator("option:checked")).toHaveText(NAME);
    await page.getByRole("button", { name: "Dry run" }).click();
    await expect(page.getByRole("region", { name: /Dry run/ })).toContainText("does not allow restoring to /");
    await page.getByLabel("Another folder").check();
    await page.getByLabel("Folder", { exact: true }).fill(out);
    await expect(page).toHaveURL(/target=/);
    await accessible(page);
    await page.getByRole("button", { name: "Restore now" }).click();
    expect(await ended(page, server)).toMatchObject({ state: "completed", kind: "restore", node });
    same(join(out, letters));

    // The same again, but to the server.
    await page.getByRole("link", { name: "Restore again" }).click();
    await expect(page.getByLabel("Folder", { exact: true })).toHaveValue(out);
    const [own] = (await server.items("/nodes")).filter(({ local }) => local === true);
    await page.getByLabel("Node").selectOption(String(own?.name));
    await page.getByLabel("Folder", { exact: true }).fill(join(server.folder, "here"));
    await expect(page).toHaveURL(/target=[^&]*here/);
    await page.getByRole("button", { name: "Restore now" }).click();
    expect(await ended(page, server)).toMatchObject({ state: "completed", node: own?.id });
    same(join(server.folder, "here", letters));
    await expect(page.getByText("Files read again and found right")).toBeVisible();
  } finally {
    leave();
    bucket.remove();
  }
});
