import { multiply } from "./rows";
import { accessible, expect, test } from "./server";

const COUNT = 10_000;
const PAGE = 50;

test("10,000 runs are gone through by pages, filtered and counted, and a page far behind has an address", async ({ page, server }) => {
  const plan = await server.plan("Letters");
  const run = await server.run(plan);
  await server.stop();
  multiply(server, run.id, COUNT);
  await server.start(Number(new URL(server.url).port));

  await server.open(page, "/runs");
  const rows = page.getByRole("row");
  const counts = page.getByRole("main").locator("dl").first();
  await expect(rows).toHaveCount(PAGE + 1);
  await expect(counts).toContainText("Completed6,668");
  await expect(counts).toContainText("Failed3,333");
  await accessible(page);
  const pages = page.getByRole("navigation", { name: "Pages of runs" });
  const first = () => rows.nth(1).getByRole("link").getAttribute("href");
  const newest = await first();
  await expect(pages.getByRole("link")).toHaveText(["Older"]);
  await pages.getByRole("link", { name: "Older" }).click();
  await expect(page).toHaveURL(/after=/);
  await expect.poll(first).not.toBe(newest);
  await expect(rows).toHaveCount(PAGE + 1);
  await expect(pages.getByRole("link")).toHaveText(["Newer", "Older"]);
  await pages.getByRole("link", { name: "Older" }).click();
  await expect(pages.getByRole("link")).toHaveText(["Newest", "Newer", "Older"]);
  await pages.getByRole("link", { name: "Newer" }).click();
  await pages.getByRole("link", { name: "Newer" }).click();
  await expect.poll(first).toBe(newest);

  // A day in the past, and what failed on it.
  const day = new Date(Date.parse(String(run.created)) - 4 * 86_400_000).toISOString().slice(0, 10);
  await page.getByLabel("From").fill(day);
  await page.getByLabel("To", { exact: true }).fill(day);
  await expect(counts).toContainText("Completed960");
  await expect(counts).toContainText("Failed480");
  await page.getByLabel("State").selectOption("failed");
  await expect(rows).toHaveCount(PAGE + 1);
  await expect(rows.nth(1)).toContainText("Failed");
  await expect(rows.filter({ hasText: "Completed" })).toHaveCount(0);
  for (let turn = 0; turn < 4; turn += 1) {
    const before = await first();
    await pages.getByRole("link", { name: "Older" }).click();
    await expect.poll(first).not.toBe(before);
  }
  await expect(rows).toHaveCount(PAGE + 1);
  await expect(pages.getByRole("link")).toHaveText(["Newest", "Newer", "Older"]);
  const far = page.url();
  const last = await first();

  // The address leads there from anywhere, whatever comes in meanwhile.
  await page.goto("about:blank");
  await server.run(plan);
  await page.goto(far);
  await expect(page).toHaveURL(far);
  await expect.poll(first).toBe(last);
  await expect(pages.getByRole("link")).toHaveText(["Newest", "Older"]);
  await rows.nth(1).getByRole("link").click();
  await expect(page).toHaveURL(`${server.url}${last}`);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Backup – Letters");
  await page.goBack();
  await expect(page).toHaveURL(far);
  await expect.poll(first).toBe(last);
  await page.getByLabel("State").selectOption("");
  await expect(page).not.toHaveURL(/after=/);
});

test("a page of runs that is looked at stays where it is while new runs come in", async ({ page, server }) => {
  const plan = await server.plan("Letters");
  const run = await server.run(plan);
  await server.stop();
  multiply(server, run.id, 200);
  await server.start(Number(new URL(server.url).port));
  await page.setViewportSize({ width: 1280, height: 600 });
  await server.open(page, "/runs");
  const row = page.getByRole("row").nth(30).getByRole("link");
  await row.scrollIntoViewIfNeeded();
  const address = (await row.getAttribute("href")) ?? "";
  const seen = page.getByRole("row").filter({ has: page.locator(`a[href="${address}"]`) });
  const height = async () => (await seen.boundingBox())?.y;
  const before = await height();
  await server.run(plan);
  const completed = page.getByRole("main").locator("dl").first();
  await expect(completed).toContainText("Completed136");
  await expect(page.getByRole("row").nth(31)).toContainText("Letters");
  await expect.poll(() => page.getByRole("row").nth(31).getByRole("link").getAttribute("href")).toBe(address);
  expect(await height()).toBe(before);

  await page.getByRole("link", { name: "Older" }).click();
  await expect(page).toHaveURL(/after=/);
  const first = () => page.getByRole("row").nth(1).getByRole("link").getAttribute("href");
  await expect(page.getByRole("link", { name: "Newer" })).toBeVisible();
  const held = await first();
  await server.run(plan);
  await expect(completed).toContainText("Completed137");
  expect(await first()).toBe(held);
});
