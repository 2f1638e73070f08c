import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";

import { PROGRAM, accessible, expect, test } from "./server";

test("the recovery kit is asked for, downloaded, and opens the repository", async ({ page, server }) => {
  await server.run(await server.plan("Letters"));
  await server.open(page);
  await page.getByRole("link", { name: "No recovery kit was downloaded yet" }).click();
  await expect(page).toHaveURL(`${server.url}/recovery`);
  await expect(page.getByText("nobody can open its backups")).toBeVisible();
  await accessible(page);
  const downloading = page.waitForEvent("download");
  await page.getByRole("button", { name: "Download the recovery kit" }).click();
  const kit = await readFile(await (await downloading).path(), "utf8");
  const fact = (name: string) => new RegExp(`<dt>${name}</dt><dd><code>([^<]+)`).exec(kit)?.[1] ?? "";
  await expect(page.getByText("The kit opens all backups.")).toBeVisible();
  const listed = execFileSync(PROGRAM, ["snapshots", "--json", "--repo", fact("Location")], {
    env: { PATH: process.env.PATH, HOME: server.folder, BACKSTAY_PASSWORD: fact("Password") },
  });
  expect(JSON.parse(listed.toString())).toHaveLength(1);
  await page.getByRole("link", { name: "Overview" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Everything is protected");
  await expect(page.getByText("No recovery kit was downloaded yet")).toHaveCount(0);
});
