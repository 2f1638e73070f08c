import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { accessible, expect, OWNER, type Server, test } from "./server";

const NAME = "Brièven <b>信</b> رسائل";

async function some(server: Server): Promise<void> {
  const plan = await server.plan(NAME);
  const { revision, sources, destinations } = plan;
  await server.call("PUT", `/plans/${plan.id}`, { revision, sources, destinations, name: `${NAME} 2` });
  await server.call("POST", `/plans/${plan.id}/disable`);
}

test("entries are filtered by the address, and open to what changed", async ({ page, server }) => {
  await some(server);
  await server.open(page, "/audit");
  await expect(page.getByRole("button", { name: "Plan: created" })).toBeVisible();
  await accessible(page);
  await page.getByRole("combobox", { name: "What" }).selectOption("plan.update");
  await expect(page).toHaveURL(`${server.url}/audit?action=plan.update`);
  await expect(page.getByRole("row")).toHaveCount(2);
  await page.getByRole("button", { name: "Plan: changed" }).click();
  const changes = page.getByRole("region", { name: "What changed" });
  const row = changes.getByRole("row", { name: "name", exact: false }).first();
  await expect(row).toContainText(NAME);
  await expect(row).toContainText(`${NAME} 2`);
  await expect(page).toHaveURL(/&entry=\d+$/);
  await accessible(page);
  await page.reload();
  await expect(changes).toBeVisible();
  await page.getByRole("combobox", { name: "What" }).selectOption("");
  await page.getByLabel("Who").fill("server");
  await page.getByLabel("Who").press("Enter");
  await expect(page).toHaveURL(`${server.url}/audit?actor=server`);
  await page.getByRole("textbox", { name: "From" }).fill("2020-01-01");
  await page.getByRole("textbox", { name: "To" }).fill("2020-01-02");
  await expect(page.getByText("No entry matches these filters")).toBeVisible();
  await page.getByRole("button", { name: "Clear the filters" }).click();
  await expect(page).toHaveURL(`${server.url}/audit`);
});

test("older entries stand on further pages, and an export has all that match", async ({ page, server }) => {
  test.slow();
  await some(server);
  for (let number = 0; number < 130; number += 1) {
    await server.call("PUT", "/me", { name: `=Ada ${number}` });
  }
  await server.open(page, `/audit?actor=${OWNER.email}`);
  await expect(page.getByRole("row")).toHaveCount(101);
  const save = async (name: string) => {
    const downloading = page.waitForEvent("download");
    await page.getByRole("button", { name }).click();
    return readFile(await (await downloading).path(), "utf8");
  };
  const entries = JSON.parse(await save("Export as JSON")) as { number: number; actor: string; action: string }[];
  expect(entries.length).toBeGreaterThan(130);
  expect(new Set(entries.map(({ number }) => number)).size).toBe(entries.length);
  expect(new Set(entries.map(({ actor }) => actor))).toEqual(new Set([OWNER.email]));
  const lines = (await save("Export as CSV")).trim().split("\r\n");
  expect(lines).toHaveLength(entries.length + 1);
  expect(lines.join("\n")).not.toMatch(/(^|,)=/m);

  await page.getByRole("link", { name: "Older" }).click();
  await expect(page).toHaveURL(/cursor=\d+/);
  await expect(page.getByRole("row")).toHaveCount(entries.length - 100 + 1);
  await page.reload();
  await expect(page.getByRole("row")).toHaveCount(entries.length - 100 + 1);
  await page.getByRole("link", { name: "To the newest" }).click();
  await expect(page.getByRole("row")).toHaveCount(101);
});

test("an entry that was changed in the catalog is found", async ({ page, server, complaints }) => {
  await server.call("PUT", "/me", { name: "Written as it was" });
  await server.call("PUT", "/me", { name: OWNER.name });
  await server.open(page, "/audit");
  await page.getByRole("button", { name: "Verify the chain" }).click();
  await expect(page.getByText(/All \d+ entries are as they were written\./)).toBeVisible();
  const [newest] = await server.items("/audit?action=person.update");
  const bad = Number(newest?.number) - 1;

  await server.stop();
  const catalog = join(server.folder, "data", "server.db");
  const bytes = await readFile(catalog, "latin1");
  expect(bytes).toContain("Written as it was");
  await writeFile(catalog, bytes.replaceAll("Written as it was", "Written otherwise"), "latin1");
  await server.start(Number(new URL(server.url).port));
  await page.getByRole("button", { name: "Verify the chain" }).click();
  const told = `Entry ${bad} was changed or is missing. ${bad - 1} before it are as they were written.`;
  await expect(page.getByRole("alert")).toContainText(told);
  await accessible(page);
  await page.getByRole("link", { name: "Show the place" }).click();
  await expect(page).toHaveURL(`${server.url}/audit?cursor=${bad + 1}&entry=${bad}`);
  await expect(page.getByRole("region", { name: "What changed" })).toContainText("Written otherwise");
  // That the server was away may be said on the console.
  complaints.length = 0;
});
