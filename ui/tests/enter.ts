import type { Page } from "@playwright/test";

import { expect, type Server } from "./server";

export const PASSWORD = "a password for tests";

type Grants = { project: string; role: string }[];

/** Makes an account with roles, and signs a page in under it. */
export async function enter(page: Page, server: Server, email: string, grants: Grants, path: string): Promise<void> {
  await server.call("POST", "/people", { name: email.split("@")[0], email, grants, password: PASSWORD });
  // A page that is open would complain that it is signed out.
  await page.goto("about:blank");
  await page.context().clearCookies();
  await page.goto(`${server.url}/sign-in?next=${path}`);
  await page.getByLabel("E-mail address").fill(email);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(page.getByRole("navigation", { name: "Pages" })).toBeVisible();
}
