import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Page } from "@playwright/test";

import { given } from "./peers";
import { accessible, expect, test } from "./server";
import { expectNoSidewaysScroll } from "./walk";

/** Does what the page of a sign-in says: opens the address in another window and enters the code there. */
async function signIn(page: Page, answer: "Allow" | "Deny"): Promise<void> {
  const code = (await page.getByText(/^GQVQ-\d+$/).first().textContent()) ?? "";
  const opened = page.waitForEvent("popup");
  await page.getByRole("link", { name: /\/device$/ }).click();
  const google = await opened;
  await google.getByLabel("Code").fill(code);
  await google.getByRole("button", { name: answer }).click();
  await expect(google.getByText("You may close this page.")).toBeVisible();
  await google.close();
}

test("backups go to Google Drive after a sign-in, and go on after another one when access was taken back", async ({ page, server, complaints }) => {
  const url = given("DRIVE_URL");
  test.skip(url === "", "there is no server of Google Drive's protocol here");
  test.setTimeout(180_000);
  const folder = join(server.folder, "letters");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "letter.txt"), "Dear all\n");

  await server.open(page, "/connections/new?type=google_drive");
  await page.getByRole("textbox", { name: "Name" }).fill("Sky");
  await page.getByLabel("Client ID").fill(given("DRIVE_CLIENT"));
  await page.getByLabel("Client secret").fill(given("DRIVE_SECRET"));
  await page.getByLabel("Folder", { exact: true }).fill("Backstay/office");
  await page.getByText("Further options").click();
  await page.getByLabel("Address of the service").fill(url);
  await page.getByLabel("Let it reach this host").check();
  await page.getByRole("button", { name: "Sign in to Google" }).click();
  await expect(page.getByRole("heading", { name: "Sign in to Google" })).toBeVisible();
  await accessible(page);
  for (const width of [360, 1280]) {
    await page.setViewportSize({ width, height: 800 });
    await expectNoSidewaysScroll(page);
  }
  await signIn(page, "Deny");
  await expect(page.getByRole("alert").first()).toBeVisible({ timeout: 30_000 });
  await page.getByRole("button", { name: "Cancel" }).click();
  // What was entered is there still.
  await expect(page.getByLabel("Folder", { exact: true })).toHaveValue("Backstay/office");
  await page.getByRole("button", { name: "Sign in to Google" }).click();
  await signIn(page, "Allow");
  await expect(page).toHaveURL(`${server.url}/connections`, { timeout: 30_000 });
  await expect(page.getByRole("listitem").filter({ hasText: "Sky" })).toContainText("Works");
  expect(JSON.stringify(await server.items("/connections"))).not.toContain(given("DRIVE_SECRET"));

  const [way] = (await server.items("/connections")).filter(({ name }) => name === "Sky");
  const destination = await server.call("POST", "/destinations", { name: "In the sky", connection: way?.id, path: "" });
  const spec = { type: "files", paths: [folder] };
  const source = await server.call("POST", "/sources", { name: "Letters", node: way?.node, spec });
  const plan = await server.call("POST", "/plans", { name: "Letters", sources: [source.id], destinations: [destination.id] });
  expect((await server.run(plan)).state).toBe("completed");

  // The account's owner takes back what was allowed: the next backup waits and says for what.
  const account = await page.context().newPage();
  await account.goto(`${url}/device`);
  await account.getByRole("button", { name: "Remove access" }).click();
  await account.close();
  writeFileSync(join(folder, "second.txt"), "Dear all once more\n");
  const [run] = (await server.call("POST", `/plans/${plan.id}/run`, {})).runs as string[];
  await page.goto(`${server.url}/runs/${run}`);
  await expect(page.getByText(/: sign in again at the connection/).first()).toBeVisible({ timeout: 60_000 });
  await accessible(page);
  await page.goto(`${server.url}/connections/${way?.id}`);
  await page.getByRole("button", { name: "Sign in to Google again" }).click();
  await signIn(page, "Allow");
  // The page that shows the code learns of it, and is done.
  await expect(page.getByRole("button", { name: "Sign in to Google again" })).toBeVisible({ timeout: 30_000 });
  await page.goto(`${server.url}/runs/${run}`);
  await expect(page.getByText("Completed", { exact: true }).first()).toBeVisible({ timeout: 90_000 });
  await accessible(page);
  complaints.length = 0;
});
