import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Page } from "@playwright/test";

import { size } from "../src/lib/format";
import { accessible, expect, test, type Json, type Server } from "./server";

const ARABIC = "ملف عربي.txt";

/** A plan for a folder with some files, backed up once. */
async function backedUp(server: Server, name: string): Promise<{ folder: string; plan: Json; run: Json }> {
  const folder = join(server.folder, name);
  mkdirSync(join(folder, "deep"), { recursive: true });
  writeFileSync(join(folder, "letter.txt"), "first\n");
  writeFileSync(join(folder, "deep", ARABIC), "second\n");
  const plan = await server.planFor(name, folder);
  return { folder, plan, run: await server.run(plan) };
}

const snapshotOf = (run: Json) => String((run.destinations as Json[])[0]?.snapshot);
const repositoryOf = (run: Json) => String((run.destinations as Json[])[0]?.repository);

/** The run that a page shows, when it has ended. */
async function ended(page: Page, server: Server): Promise<Json> {
  await expect(page).toHaveURL(/\/runs\/[0-9a-f-]{36}$/);
  const id = page.url().split("/").at(-1);
  await expect.poll(async () => (await server.call("GET", `/runs/${id}`)).state).toMatch(/completed|failed/);
  return server.call("GET", `/runs/${id}`);
}

test("the latest snapshot of a plan is restored by two clicks", async ({ page, server }) => {
  const { folder, run: made } = await backedUp(server, "Letters <b>");
  writeFileSync(join(folder, "letter.txt"), "spoiled\n");
  rmSync(join(folder, "deep"), { recursive: true });
  await server.open(page, "/plans");
  await page.getByRole("link", { name: "Restore latest: Letters <b>" }).click();
  await expect(page.getByText("Everything in the snapshot")).toBeVisible();
  // What is chosen is told with its source, time and size: of the two files, and as it is stored.
  const fact = (name: string) => page.locator("dl > div").filter({ has: page.locator("dt", { hasText: new RegExp(`^${name}$`) }) }).locator("dd");
  const [snapshot] = await server.items(`/repositories/${repositoryOf(made)}/snapshots`);
  await expect(fact("Made")).toContainText("just now");
  await expect(fact("Paths")).toHaveText(folder);
  await expect(fact("Plan")).toHaveText("Letters <b>");
  await expect(fact("Size")).toHaveText("13 B");
  await expect(fact("Added")).toHaveText(size(Number(snapshot?.bytes_added), "en-GB"));
  await accessible(page);
  await page.getByRole("button", { name: "Restore now" }).click();
  const run = await ended(page, server);
  expect(run).toMatchObject({ state: "completed", kind: "restore", restore: { target: "/" } });
  expect(readFileSync(join(folder, "letter.txt"), "utf8")).toBe("first\n");
  expect(readFileSync(join(folder, "deep", ARABIC), "utf8")).toBe("second\n");
  await expect(page.getByText("Files read again and found right")).toBeVisible();
  await accessible(page);
});

test("a dry run into another folder tells its counts and writes nothing; then it is done, and again", async ({ page, server }) => {
  const { folder, run } = await backedUp(server, "Letters");
  const target = join(server.folder, "restored");
  await server.open(page, `/restore?repository=${repositoryOf(run)}&snapshot=latest`);
  await page.getByLabel("Another folder").check();
  await page.getByLabel("Folder", { exact: true }).fill("relative");
  await expect(page.getByRole("alert")).toContainText("absolute path");
  await expect(page.getByRole("button", { name: "Dry run" })).toBeDisabled();
  await page.getByLabel("Folder", { exact: true }).fill(target);
  await page.getByLabel("Keep all files that are there").check();
  await expect(page).toHaveURL(new RegExp(`target=${encodeURIComponent(target)}.*overwrite=never`));
  await page.reload();
  await expect(page.getByLabel("Folder", { exact: true })).toHaveValue(target);
  await page.getByRole("button", { name: "Dry run" }).click();
  const dry = page.getByRole("region", { name: "Dry run: nothing was written" });
  await expect(dry.locator("dl")).toContainText("2 (13 B)");
  await accessible(page);
  expect(existsSync(target)).toBe(false);
  await page.reload();
  await expect(dry.locator("dl")).toContainText("2 (13 B)");

  await page.getByRole("button", { name: "Restore now" }).click();
  await ended(page, server);
  expect(readFileSync(join(target, folder, "letter.txt"), "utf8")).toBe("first\n");
  await page.getByRole("link", { name: "Restore again" }).click();
  await expect(page.getByLabel("Folder", { exact: true })).toHaveValue(target);
  await expect(page.getByLabel("Keep all files that are there")).toBeChecked();
  await page.getByRole("button", { name: "Dry run" }).click();
  await expect(dry.locator("dl")).toContainText("Files it would leave alone2");
});

test("some items are chosen in the tree and restored alone, after what they replace was confirmed", async ({ page, server }) => {
  const { folder, run } = await backedUp(server, "Letters");
  writeFileSync(join(folder, "letter.txt"), "spoiled\n");
  writeFileSync(join(folder, "deep", ARABIC), "spoiled\n");
  writeFileSync(join(folder, "deep", "new.txt"), "new\n");
  writeFileSync(join(folder, "new.txt"), "new\n");
  const address = `/snapshots/${repositoryOf(run)}/${snapshotOf(run)}?path=${encodeURIComponent(folder)}`;
  await server.open(page, address);
  await page.getByLabel("Choose deep").check();
  await page.getByRole("link", { name: "Restore 1 item" }).click();
  await expect(page.getByText(`${folder}/deep`)).toBeVisible();
  await page.getByLabel("Delete what the snapshot does not have").check();
  await page.getByRole("button", { name: "Restore now" }).click();
  const dialog = page.getByRole("alertdialog");
  await expect(dialog).toContainText(`${folder}/deep`);
  await accessible(page);
  await dialog.getByRole("button", { name: "No, go back" }).click();
  expect(existsSync(join(folder, "deep", "new.txt"))).toBe(true);
  await page.getByRole("button", { name: "Restore now" }).click();
  await dialog.getByRole("button", { name: "Restore and delete" }).click();
  expect((await ended(page, server)).state).toBe("completed");
  expect(readFileSync(join(folder, "deep", ARABIC), "utf8")).toBe("second\n");
  expect(existsSync(join(folder, "deep", "new.txt"))).toBe(false);
  expect(readFileSync(join(folder, "letter.txt"), "utf8")).toBe("spoiled\n");
  expect(existsSync(join(folder, "new.txt"))).toBe(true);
});

test("all of a snapshot at its place, with deleting, is kept to what was backed up", async ({ page, server }) => {
  const { folder, run } = await backedUp(server, "Letters");
  writeFileSync(join(folder, "new.txt"), "new\n");
  writeFileSync(join(server.folder, "beside.txt"), "beside\n");
  await server.open(page, `/restore?repository=${repositoryOf(run)}&snapshot=${snapshotOf(run)}&delete=true`);
  await page.getByRole("button", { name: "Restore now" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Restore and delete" }).click();
  expect((await ended(page, server)).restore).toMatchObject({ paths: [folder], delete: true });
  expect(existsSync(join(folder, "new.txt"))).toBe(false);
  expect(existsSync(join(server.folder, "beside.txt"))).toBe(true);
});

test("a folder of the host is chosen by keyboard", async ({ page, server }) => {
  const { run } = await backedUp(server, "Letters");
  await server.open(page, `/restore?repository=${repositoryOf(run)}&snapshot=latest&target=/restored`);
  await page.getByRole("button", { name: "Choose a folder" }).click();
  const list = page.getByRole("listbox");
  await expect(list).toHaveAttribute("aria-busy", "false");
  await list.focus();
  await page.keyboard.press("End");
  await expect(list.getByRole("option", { name: "tmp" })).toBeVisible();
  await accessible(page);
  await list.getByRole("option", { name: "tmp" }).click();
  await expect(page.getByRole("listbox", { name: "Folders in /tmp" })).toHaveAttribute("aria-busy", "false");
  await list.focus();
  await page.keyboard.press("Backspace");
  await expect(page.getByRole("listbox", { name: "Folders in /", exact: true })).toBeFocused();
  await expect(list).toHaveAttribute("aria-busy", "false");
  await page.keyboard.press("End");
  await list.getByRole("option", { name: "tmp" }).click();
  await page.getByRole("button", { name: "Use “tmp”" }).click();
  await expect(page.getByLabel("Folder", { exact: true })).toHaveValue("/tmp");
});

test("only those who may restore are offered it, and what cannot be is told", async ({ page, server, complaints }) => {
  const { run, plan } = await backedUp(server, "Letters");
  const grants = [{ project: plan.project, role: "viewer" }];
  await server.call("POST", "/people", { name: "Vera", email: "vera@example.org", password: "a viewer's password", grants });
  await server.call("POST", "/people", {
    name: "Otto",
    email: "otto@example.org",
    password: "an operator's password",
    grants: [{ project: plan.project, role: "operator" }],
  });
  await server.signIn({ email: "vera@example.org", password: "a viewer's password" });
  await server.open(page, "/plans");
  await expect(page.getByText("Letters", { exact: true })).toBeVisible();
  await expect(page.getByRole("link", { name: /Restore latest/ })).toHaveCount(0);
  await expect(page.getByRole("link", { name: "Snapshots" })).toHaveCount(0);
  await page.goto(`${server.url}/restore?repository=${repositoryOf(run)}&snapshot=latest`);
  await expect(page.getByText("You may not restore here")).toBeVisible();
  await page.goto(`${server.url}/snapshots?repository=${repositoryOf(run)}`);
  await expect(page.getByText("You may not see what is in backups")).toBeVisible();

  await server.signIn({ email: "otto@example.org", password: "an operator's password" });
  await server.open(page, "/plans");
  await page.getByRole("link", { name: "Restore latest: Letters" }).click();
  await expect(page.getByRole("button", { name: "Restore now" })).toBeEnabled();
  await page.goto(`${server.url}/restore?repository=${repositoryOf(run)}&snapshot=latest&paths=${encodeURIComponent('["/nowhere"]')}`);
  await page.getByRole("button", { name: "Dry run" }).click();
  await expect(page.getByRole("region", { name: /Dry run/ })).toContainText("/nowhere is not in the snapshot");
  await page.goto(`${server.url}/restore?plan=${plan.project}`);
  await expect(page.getByText(/has no backup yet/)).toBeVisible();
  await page.goto(`${server.url}/restore`);
  await expect(page.getByText("Choose what to restore first")).toBeVisible();
  complaints.length = 0;
});
