// The server of Google Drive's protocol that the tests are given.

import type { Page } from "@playwright/test";

import { given } from "./peers";
import { expect } from "./server";

/** Does what the page of a sign-in says: opens the address in another window and enters the code there. */
export async function signIn(page: Page, answer: "Allow" | "Deny"): Promise<void> {
  const code = (await page.getByText(/^GQVQ-\d+$/).first().textContent()) ?? "";
  const opened = page.waitForEvent("popup");
  await page.getByRole("link", { name: /\/device$/ }).click();
  const google = await opened;
  await google.getByLabel("Code").fill(code);
  await google.getByRole("button", { name: answer }).click();
  await expect(google.getByText("You may close this page.")).toBeVisible();
  await google.close();
}

/** Fills in the form of a connection to a folder of it. */
export async function fillIn(page: Page, name: string, folder: string): Promise<void> {
  await page.getByRole("textbox", { name: "Name" }).fill(name);
  await page.getByLabel("Client ID").fill(given("DRIVE_CLIENT"));
  await page.getByLabel("Client secret").fill(given("DRIVE_SECRET"));
  await page.getByLabel("Folder", { exact: true }).fill(folder);
  await page.getByText("Further options").click();
  await page.getByLabel("Address of the service").fill(given("DRIVE_URL"));
  await page.getByLabel("Let it reach this host").check();
}
