// All main pages of the dashboard, of whatever there is.

import type { Page } from "@playwright/test";

import { expect, type Json, type Server } from "./server";

/** Their paths, for a server on which a plan has backed up at least once. */
export async function mainPages(server: Server): Promise<string[]> {
  const [runs, plans, sources, destinations] = [
    await server.items("/runs?kind=backup&state=completed"),
    await server.items("/plans"),
    await server.items("/sources"),
    await server.items("/destinations"),
  ];
  const [connections, nodes, people] = [
    await server.items("/connections"),
    await server.items("/nodes"),
    await server.items("/people"),
  ];
  const first = (items: Json[]) => items.at(-1)?.id ?? "";
  const [made] = runs[0]?.destinations as Json[];
  const snapshot = `${made?.repository}/${made?.snapshot}`;
  return [
    "/",
    "/plans",
    "/plans/new",
    `/plans/${first(plans)}`,
    `/plans/${first(plans)}/edit`,
    `/plans/${first(plans)}/revisions`,
    "/runs",
    `/runs/${runs[0]?.id}`,
    `/snapshots?repository=${made?.repository}`,
    `/snapshots/${snapshot}`,
    `/restore?repository=${made?.repository}&snapshot=${made?.snapshot}`,
    `/search?repository=${made?.repository}&name=t`,
    `/snapshots/${made?.repository}/diff`,
    "/sources",
    "/sources/new",
    "/sources/new?type=mysql",
    "/sources/new?type=sqlite",
    `/sources/${first(sources)}`,
    "/destinations",
    "/destinations/new",
    `/destinations/${first(destinations)}`,
    "/connections",
    "/connections/new",
    "/connections/new?type=s3",
    "/connections/new?type=mysql",
    `/connections/${first(connections)}`,
    "/nodes",
    "/nodes/new",
    `/nodes/${first(nodes)}`,
    "/first-backup",
    "/recovery",
    "/alerts",
    "/alerts/new",
    "/people",
    "/people/new",
    `/people/${first(people)}`,
    "/projects",
    "/audit",
    ...["sign-in", "mail", "single-sign-on", "retention", "checks", "receiver"].map((section) => `/settings/${section}`),
    ...["profile", "password", "second-factor", "passkeys", "sessions", "tokens"].map((tab) => `/me/${tab}`),
  ];
}

/** Goes to a page by its address, and waits until all of it is there. */
export async function visit(page: Page, address: string): Promise<void> {
  await page.goto(address);
  await settled(page);
}

export async function settled(page: Page): Promise<void> {
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await expect(page.locator("[aria-busy=true]")).toHaveCount(0);
  await expect(page.getByText(/^(Loading|Wird geladen|Lädt) …$/)).toHaveCount(0);
}

/** Sees that a page is as wide as the window, and no wider. */
export async function expectNoSidewaysScroll(page: Page): Promise<void> {
  const wide = await page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    const all = [...document.querySelectorAll("main *")].filter((one) => one.getBoundingClientRect().right > width + 1);
    return { beyond: document.documentElement.scrollWidth - width, who: all.at(0)?.outerHTML.slice(0, 300) };
  });
  expect.soft(wide.beyond, `${page.url()} ${wide.who}`).toBeLessThanOrEqual(0);
}

/**
 * Forgets what the console says of answers that are as they should be: that mail and single sign-on are not set up, and that a folder
 * is not there. All else that it says fails the test.
 */
export function forgive(complaints: string[]): void {
  complaints.splice(0, complaints.length, ...complaints.filter((text) => !/status of (404|422)/.test(text)));
}
