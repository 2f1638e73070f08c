import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Page } from "@playwright/test";

import { Cloud } from "./cloud";
import { given } from "./peers";
import { accessible, expect, test, type Json } from "./server";
import { expectNoSidewaysScroll, forgive } from "./walk";

const TITLE = "Storage class, lock and encryption";
const CONTENT = "Dear all\n".repeat(2000);

/** What is told by a name. */
const fact = (page: Page, name: string) => page.locator("dl > div").filter({ has: page.locator("dt", { hasText: new RegExp(`^${name}$`) }) }).locator("dd");

/** What is said below a field. */
const below = (page: Page, label: string) => page.getByLabel(label, { exact: true }).locator("xpath=..").getByRole("alert");

test("a bucket keeps what it is told to: in a class, locked and encrypted, and a restore waits for what is cold", async ({ page, server, complaints }) => {
  test.skip(given("CLOUD_URL") === "", "there is no S3 service here that keeps classes");
  test.setTimeout(180_000);
  const bucket = await Cloud.make({ locks: true });
  const folder = join(server.folder, "letters");
  mkdirSync(folder);
  writeFileSync(join(folder, "letter.txt"), CONTENT);

  await server.open(page, "/connections/new?type=s3");
  await page.getByRole("textbox", { name: "Name", exact: true }).fill("Vault");
  await page.getByLabel("Address of the service").fill(bucket.url);
  await page.getByRole("textbox", { name: "Bucket" }).fill(bucket.name);
  await page.getByLabel("Access key").fill(bucket.key);
  await page.getByLabel("Secret key").fill(bucket.secret);
  await page.getByLabel("Let it reach this host").check();
  const save = page.getByRole("button", { name: "Try it and save" });

  // What is wrong is said where it was entered, whether the page knows it or the server.
  await page.getByText(TITLE).click();
  await expect(page.getByLabel("How quick it has to be brought back")).toHaveCount(0);
  await page.getByLabel("Storage class", { exact: true }).selectOption("Another class");
  await page.getByLabel("Name of the class").fill("deep archive");
  await page.getByLabel("Locked for everybody").check();
  await page.getByText(TITLE).click();
  await save.click();
  await expect(below(page, "Days that a lock lasts")).toContainText("from 1 to 36,500");
  await page.getByLabel("Days that a lock lasts").fill("1");
  await save.click();
  await expect(below(page, "Name of the class")).toContainText("STANDARD_IA or DEEP_ARCHIVE");
  await page.getByLabel("Storage class", { exact: true }).selectOption("DEEP_ARCHIVE");
  await expect(page.getByText("Destinations that hold archives cannot use it.")).toBeVisible();
  await page.getByLabel("How quick it has to be brought back").selectOption("expedited");
  await save.click();
  await expect(below(page, "How quick it has to be brought back")).toContainText("choose standard or bulk");
  await page.getByLabel("How quick it has to be brought back").selectOption("Standard, within 12 hours");
  await page.getByLabel("Days for which it can be read then").fill("3");
  await page.getByLabel("With a key of its key service").check();
  await page.getByLabel("Key", { exact: true }).fill("two words");
  await save.click();
  await expect(below(page, "Key")).toContainText("the ARN of a key");
  await page.getByLabel("Key", { exact: true }).fill("alias/backups");
  await accessible(page);
  for (const width of [390, 1280]) {
    await page.setViewportSize({ width, height: 800 });
    await expectNoSidewaysScroll(page);
  }
  await save.click();
  await expect(page).toHaveURL(`${server.url}/connections`);
  const [way] = (await server.items("/connections")).filter(({ name }) => name === "Vault");
  const kept = {
    storage_class: "DEEP_ARCHIVE",
    thaw: { tier: "standard", days: 3 },
    lock: { mode: "compliance", days: 1 },
    encryption: { mode: "kms", key: "alias/backups" },
  };
  expect(way?.settings).toMatchObject(kept);
  await page.getByRole("link", { name: "Vault" }).click();
  await expect(fact(page, "Storage class")).toHaveText("DEEP_ARCHIVE");
  await expect(fact(page, "Object lock")).toHaveText("1 day, compliance");
  await expect(fact(page, "Encryption by the service")).toHaveText("With a key of its key service (aws:kms): alias/backups");
  await accessible(page);

  const destination = await server.call("POST", "/destinations", { name: "Vault", connection: way?.id, path: "office" });
  const plan = await server.planFor("Letters", folder, {}, destination.id);
  const backup = await server.run(plan);
  expect(backup.state).toBe("completed");
  const classes = new Map<string | null, number>();
  const keys = (await bucket.keys("office/")).filter((key) => !key.includes("/locks/"));
  for (const key of keys) {
    const told = await bucket.about(key);
    const name = told.get("x-amz-storage-class");
    classes.set(name, (classes.get(name) ?? 0) + 1);
    expect(name === null || key.includes("/data/"), `${key}: ${name}`).toBe(true);
    expect(told.get("x-amz-object-lock-mode"), key).toBe("COMPLIANCE");
    expect(Date.parse(told.get("x-amz-object-lock-retain-until-date") ?? ""), key).toBeGreaterThan(Date.now() + 80_000_000);
    expect(told.get("x-amz-server-side-encryption"), key).toBe("aws:kms");
    expect(told.get("x-amz-server-side-encryption-aws-kms-key-id"), key).toBe("alias/backups");
  }
  // One pack of data, and beside it what has to be read at once.
  expect(classes.get("DEEP_ARCHIVE")).toBe(1);
  expect(classes.get(null)).toBe(keys.length - 1);

  // A restore asks for the pack, says for what it waits and until when, and goes on by itself.
  const [made] = backup.destinations as Json[];
  const target = join(server.folder, "back");
  await page.goto(`${server.url}/restore?repository=${made?.repository}&snapshot=${made?.snapshot}&target=${encodeURIComponent(target)}`);
  await page.getByRole("button", { name: "Restore now" }).click();
  await expect(page).toHaveURL(/\/runs\/[0-9a-f-]{36}$/);
  const waits = page.getByText(/1 of 1 packs.*were asked for; all can be read within about 12 h/).first();
  await expect(waits).toBeVisible({ timeout: 30_000 });
  await expect(page.getByText(/^Next try /)).toBeVisible();
  await expect(page.getByText("Waiting", { exact: true })).toBeVisible();
  await accessible(page);
  await expect(page.getByText("Completed", { exact: true })).toBeVisible({ timeout: 60_000 });
  expect(readFileSync(join(target, folder, "letter.txt"), "utf8")).toBe(CONTENT);

  // What is cold can still be brought back when another class is chosen, and what is chosen no more is left out.
  await page.goto(`${server.url}/connections/${way?.id}`);
  await page.getByText(TITLE).click();
  await page.getByLabel("Storage class", { exact: true }).selectOption("The service's choice");
  await expect(page.getByLabel("Let restores bring back")).toBeChecked();
  await page.getByLabel("None", { exact: true }).check();
  await page.getByLabel("With the service's own keys").check();
  await save.click();
  await expect(page).toHaveURL(`${server.url}/connections`);
  const { settings } = await server.call("GET", `/connections/${way?.id}`);
  expect(settings).toMatchObject({ thaw: kept.thaw, encryption: { mode: "aes256" } });
  expect(settings).not.toHaveProperty("storage_class");
  expect(settings).not.toHaveProperty("lock");
  forgive(complaints);
});
