// The whole way of a service's data: from signing in over connection, destination and plan to a backup that is paused and resumed, its
// snapshot, and a restore elsewhere that brings all of it back.

import { randomBytes } from "node:crypto";

import type { Page } from "@playwright/test";

import { size } from "../src/lib/format";
import { Cloud } from "./cloud";
import { documents, insert } from "./mongo";
import { given } from "./peers";
import { OWNER, accessible, expect, test, type Json, type Server } from "./server";

export const REPOSITORY = "A repository (recommended)";
export const ARCHIVES = "Archives";

/** Bytes that are read or sent in a second, so that there is time to pause. */
const RATE = 40_000;
const TEXT = 300_000;

/** What is backed up, and brought back beside it. */
export type Origin = {
  name: string;
  /** Enters the source and its connection into the form of a new one. */
  fill: (page: Page) => Promise<void>;
  /** Says where to on the page of a restore. */
  aim: (page: Page) => Promise<void>;
  /** Sees that what came back is what there was. */
  compare: () => Promise<void>;
};

/** Where it goes. */
export type Goal = {
  name: string;
  holds: typeof REPOSITORY | typeof ARCHIVES;
  /** Makes the connection, and gives its name. */
  connect: (page: Page, server: Server) => Promise<string>;
};

const random = (length: number) => randomBytes(length).toString("base64url").slice(0, length);

/** Enters how a bucket is reached. */
export async function fillInBucket(page: Page, bucket: Cloud): Promise<void> {
  await page.getByLabel("Address of the service").fill(bucket.url);
  await page.getByRole("textbox", { name: "Bucket" }).fill(bucket.name);
  await page.getByLabel("Access key").fill(bucket.key);
  await page.getByLabel("Secret key").fill(bucket.secret);
  await page.getByLabel("Let it reach this host").check();
}

/** A bucket with objects that have more than content, and another one that they come back to. */
export async function objectsOf(server: Server): Promise<Origin> {
  const [from, to] = [await Cloud.make(), await Cloud.make()];
  const objects: Record<string, string> = { "deep/日本語 <b>.txt": "short\n", "big one": random(TEXT), "bigger/one": random(TEXT) };
  const about = { "content-type": "text/x-letter", "x-amz-meta-author": "Ada", "cache-control": "max-age=60" };
  for (const [key, content] of Object.entries(objects)) {
    await from.put(key, content, about);
  }
  const other = await server.call("POST", "/connections", { name: "Other", settings: to.settings });
  return {
    name: "Shelf",
    fill: async (page) => {
      await page.getByRole("radio", { name: "S3 bucket" }).check();
      await page.getByLabel("Connection", { exact: true }).selectOption("A new connection");
      await page.getByLabel("Name of the connection").fill("Shelf");
      await fillInBucket(page, from);
    },
    aim: async (page) => {
      await expect(page.getByRole("radio", { name: "A bucket" })).toBeChecked();
      await page.getByLabel("Connection to the bucket").selectOption(String(other.id));
      await page.getByLabel("Put before all keys").fill("back/");
    },
    compare: async () => {
      expect(await to.keys()).toEqual(Object.keys(objects).map((key) => `back/${key}`).sort());
      for (const [key, content] of Object.entries(objects)) {
        expect(await to.get(`back/${key}`), key).toBe(content);
        const told = await to.about(`back/${key}`);
        expect(Object.fromEntries(Object.keys(about).map((name) => [name, told.get(name)])), key).toEqual(about);
      }
    },
  };
}

/** A database with documents, and another name that they come back under. */
export function documentsOf(): Origin {
  const database = `shop_${randomBytes(4).toString("hex")}`;
  const orders = Array.from({ length: 300 }, (_, id) => ({ _id: id, text: random(2 * TEXT / 300), lines: [{ sum: id / 4 }], 名: "<b>" }));
  insert(database, "orders", orders);
  insert(database, "carts", [{ _id: 1 }]);
  return {
    name: "Shop",
    fill: async (page) => {
      await page.getByRole("radio", { name: "MongoDB" }).check();
      await page.getByLabel("Connection", { exact: true }).selectOption("A new connection");
      await page.getByLabel("Name of the connection").fill("Shop");
      await page.getByLabel("Address", { exact: true }).fill(given("MONGODB_URI"));
      await page.getByLabel("Let it reach this host").check();
      await page.getByLabel("Databases and collections").fill(database);
    },
    aim: async (page) => {
      await page.getByRole("radio", { name: "A server of MongoDB" }).check();
      await page.getByLabel("New names").fill(`${database} = ${database}_back`);
    },
    compare: async () => {
      expect(documents(`${database}_back`, "orders")).toEqual(orders);
      expect(documents(`${database}_back`, "carts")).toEqual([{ _id: 1 }]);
    },
  };
}

export async function walkThrough(page: Page, server: Server, origin: Origin, goal: Goal): Promise<void> {
  test.setTimeout(240_000);
  await page.goto(`${server.url}/sign-in`);
  await page.getByLabel("E-mail address").fill(OWNER.email);
  await page.getByLabel("Password").fill(OWNER.password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(page.getByRole("navigation", { name: "Pages" })).toBeVisible();

  await page.goto(`${server.url}/sources/new`);
  await page.getByRole("textbox", { name: "Name", exact: true }).fill(origin.name);
  await origin.fill(page);
  await page.getByRole("button", { name: "Try it and save" }).click();
  await expect(page).toHaveURL(`${server.url}/sources`);

  const connection = await goal.connect(page, server);
  await page.goto(`${server.url}/connections`);
  await expect(page.getByRole("listitem").filter({ hasText: new RegExp(`^${connection}`) })).toContainText("Works");
  await page.goto(`${server.url}/destinations/new`);
  await page.getByLabel("Name").fill(goal.name);
  const [way] = (await server.items("/connections")).filter(({ name }) => name === connection);
  await page.getByRole("combobox", { name: "Connection" }).selectOption(String(way?.id));
  await page.getByLabel(goal.holds, { exact: true }).check();
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("heading", { name: goal.name, level: 1 })).toBeVisible();

  await page.goto(`${server.url}/plans/new`);
  await page.getByLabel("Name").fill("Nightly");
  await page.getByRole("checkbox", { name: new RegExp(`^${origin.name}`) }).check();
  await page.getByRole("checkbox", { name: new RegExp(`^${goal.name}`) }).check();
  await page.getByText("Limits and tags").click();
  // What goes to an archive is read at once, and then sent.
  const limit = goal.holds === ARCHIVES ? "Upload" : "Read from the source";
  await page.getByLabel(limit, { exact: true }).fill(String(RATE));
  await page.getByLabel(`${limit}: unit`).selectOption("B");
  await page.getByRole("button", { name: "Make the plan" }).click();
  await page.getByRole("button", { name: "Back up now: Nightly" }).click();

  // It is steered from its page, and its log tells of each step.
  await expect(page).toHaveURL(/\/runs\/[0-9a-f-]{36}$/);
  await expect(page.getByText("Running", { exact: true })).toBeVisible();
  await page.getByRole("button", { name: "Pause" }).click();
  await expect(page.getByText("Paused", { exact: true })).toBeVisible();
  await page.getByRole("button", { name: "Resume" }).click();
  await expect(page.getByText("Completed", { exact: true }).first()).toBeVisible({ timeout: 90_000 });
  const run = await server.call("GET", `/runs/${page.url().split("/").at(-1)}`);
  const log = page.getByRole("log");
  for (const step of ["connecting to", "paused", "resumed"]) {
    await page.getByLabel("Search in the log").fill(step);
    await expect(log).toContainText(step);
  }
  await accessible(page);

  // The list of runs has what it went through, and what of it was stored: of an archive the size of its file.
  const [made] = run.destinations as Json[];
  await page.goto(`${server.url}/runs?plan=${run.plan === undefined ? "" : (run.plan as Json).id}`);
  const row = page.getByRole("row").nth(1);
  for (const shown of [origin.name, goal.name, "Completed"]) {
    await expect(row).toContainText(shown);
  }
  const snapshots = await server.items(`/repositories/${made?.repository}/snapshots`);
  const { bytes, bytes_added } = snapshots[0] as Json;
  expect((run.outcome as Json).bytes_added).toBe(bytes_added);
  await expect(row).toContainText(new RegExp(`${size(Number(bytes), "en-GB")}.*${size(Number(bytes_added), "en-GB")} added`));

  // From its snapshot in the list to all of it elsewhere.
  await page.goto(`${server.url}/snapshots?repository=${made?.repository}`);
  const table = page.getByRole("table", { name: "Snapshots" });
  await expect(table.getByRole("row")).toHaveCount(2);
  await table.getByRole("row").nth(1).getByRole("link").first().click();
  await page.getByRole("link", { name: "Restore everything" }).click();
  // What is about to come back is told with its source, time and size.
  const facts = page.locator("dl").first();
  const paths = (snapshots[0] as Json).paths as string[];
  for (const fact of [paths[0] ?? "", "just now", size(Number(bytes), "en-GB"), "Nightly"]) {
    await expect(facts).toContainText(fact);
  }
  await origin.aim(page);
  await page.getByRole("button", { name: "Restore now" }).click();
  await expect(page).toHaveURL(/\/runs\/[0-9a-f-]{36}$/);
  await expect(page.getByText("Completed", { exact: true }).first()).toBeVisible({ timeout: 90_000 });
  await accessible(page);
  await origin.compare();
}
