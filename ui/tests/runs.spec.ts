import { readFile } from "node:fs/promises";

import { accessible, expect, test } from "./server";

test("a plan is backed up now, and its run is followed to the end", async ({ page, server }) => {
  await server.plan("Letters");
  await server.open(page, "/plans");
  await accessible(page);
  await page.getByRole("button", { name: "Back up now: Letters" }).click();
  await expect(page).toHaveURL(/\/runs\/[0-9a-f-]{36}$/);
  await expect(page.getByText("Completed", { exact: true })).toBeVisible();
  const log = page.getByRole("log");
  await expect(log).toContainText("saved snapshot");
  await page.getByLabel("Search in the log").fill("saved");
  await expect(page.getByText("1 line", { exact: true })).toBeVisible();
  await expect(log).not.toContainText("connecting");
  const downloading = page.waitForEvent("download");
  await page.getByRole("button", { name: "Download" }).click();
  const path = await (await downloading).path();
  expect(await readFile(path, "utf8")).toMatch(/^\S+ info {4}save: saved snapshot .*\n$/);
});

test("a run is paused, resumed and cancelled", async ({ page, server }) => {
  const plan = await server.plan("Slow", { limits: { read: 20_000 } }, 60);
  await server.call("POST", `/plans/${plan.id}/run`, {});
  await server.open(page, "/runs");
  await page.getByRole("link", { name: "Slow" }).click();
  await page.getByRole("button", { name: "Pause" }).click();
  await expect(page.getByText("Paused", { exact: true })).toBeVisible();
  await page.getByRole("button", { name: "Resume" }).click();
  await expect(page.getByText("Running", { exact: true })).toBeVisible();
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Keep it running" }).click();
  await expect(page.getByText("Running", { exact: true })).toBeVisible();
  await page.getByRole("button", { name: "Cancel" }).click();
  await accessible(page);
  await page.getByRole("alertdialog").getByRole("button", { name: "Cancel" }).click();
  await expect(page.getByText("Cancelled", { exact: true })).toBeVisible();
});

test("what runs are filtered by stands in the address", async ({ page, server }) => {
  await server.run(await server.plan("Letters"));
  await server.run(await server.planFor("Old disk", "/nowhere/at/all"));
  await server.open(page, "/runs");
  await expect(page.getByRole("row")).toHaveCount(3);
  await accessible(page);
  await page.getByLabel("State").selectOption("failed");
  await expect(page).toHaveURL(`${server.url}/runs?state=failed`);
  await expect(page.getByRole("row")).toHaveCount(2);
  await expect(page.getByRole("row").nth(1)).toContainText("Old disk");
  await page.goto(`${server.url}/runs?state=cancelled&kind=nonsense`);
  await expect(page.getByText("No run matches these filters")).toBeVisible();
  await page.getByRole("button", { name: "Clear the filters" }).click();
  await expect(page).toHaveURL(`${server.url}/runs`);
  await expect(page.getByRole("row")).toHaveCount(3);
});

test("a page stays of use while the server starts again", async ({ page, server, complaints }) => {
  await server.run(await server.plan("Letters"));
  await server.open(page, "/runs");
  await expect(page.getByRole("row")).toHaveCount(2);
  await server.stop();
  await page.waitForTimeout(1000);
  await server.start(Number(new URL(server.url).port));
  await server.run((await server.items("/plans"))[0]!);
  await expect(page.getByRole("row")).toHaveCount(3, { timeout: 60_000 });
  // That the server was away may be said on the console.
  complaints.length = 0;
});
