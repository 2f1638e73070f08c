import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";

import { PROGRAM, type Server, accessible, expect, test } from "./server";

// Agents join over TLS, with a certificate that the browser does not know.
test.use({ options: ["--tls", "self-signed"], ignoreHTTPSErrors: true });
process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";

/** Enters what a page shows, as a person of no special rights does. */
function enter(server: Server, line: string): string {
  const programs = join(server.folder, "bin");
  const program = join(programs, "backstay");
  if (!existsSync(program)) {
    mkdirSync(programs);
    symlinkSync(resolve(PROGRAM), program);
  }
  const own = line.replace(/^sudo /, "").replace("/var/lib/backstay/agent", join(server.folder, "agent"));
  const env = { PATH: `${programs}:${process.env.PATH}`, HOME: server.folder };
  return execFileSync("sh", ["-c", own], { cwd: server.folder, env }).toString();
}

test("a computer joins with what the page says, is renamed, shut out and removed", async ({ page, server, complaints }) => {
  await server.open(page, "/nodes");
  await accessible(page);
  await page.getByRole("link", { name: "Add a computer" }).click();
  await page.getByLabel("Name").fill("Büro <b>");
  await page.getByRole("button", { name: "Make a token" }).click();
  await expect(page.getByText("Waiting for the computer")).toBeVisible();
  await expect(page.getByRole("listitem").filter({ hasText: "Büro <b>" })).toContainText("ada@example.org");
  await accessible(page);
  const [token, join_] = await page.getByRole("main").locator("code").allInnerTexts();
  enter(server, token ?? "");
  enter(server, join_ ?? "");
  await expect(page.getByText("Büro <b> has joined.")).toBeVisible();
  await expect(page.getByText("Tokens that nobody has used yet")).toHaveCount(0);
  const agent = spawn(PROGRAM, ["agent", "run", "--data-dir", join(server.folder, "agent")], {
    env: { PATH: process.env.PATH, HOME: server.folder },
    stdio: "ignore",
  });
  try {
    await page.getByRole("link", { name: "Say what is backed up on it" }).click();
    await expect(page.getByLabel("Node", { exact: true })).toHaveValue(/[0-9a-f-]{36}/);
    await expect(page.getByRole("option", { name: "Büro <b>", selected: true })).toHaveCount(1);
    await expect(page.getByRole("treeitem", { name: "etc", exact: true })).toBeVisible();
    await page.getByRole("link", { name: "Nodes" }).click();
    await page.getByRole("link", { name: "Büro <b>" }).click();
    await expect(page.getByRole("heading", { name: "Büro <b>", level: 1 })).toBeVisible();
    await expect(page.getByText("just now")).toBeVisible({ timeout: 60_000 });
    await page.getByLabel("Name").fill("Office");
    await page.getByRole("button", { name: "Rename" }).click();
    await page.getByRole("link", { name: "Office" }).click();
    await page.getByRole("button", { name: "Shut out" }).click();
    await accessible(page);
    await page.getByRole("alertdialog").getByRole("button", { name: "Shut out" }).click();
    await expect(page.getByText("Shut out: nothing is taken from it")).toBeVisible();
    await page.getByRole("link", { name: "Let it join again" }).click();
    await expect(page.getByLabel("Takes the place of")).toHaveValue(/[0-9a-f-]{36}/);
    await page.goBack();
    await page.getByRole("button", { name: "Delete" }).click();
    await page.getByRole("alertdialog").getByRole("button", { name: "Delete" }).click();
    await expect(page).toHaveURL(`${server.url}/nodes`);
    await expect(page.getByRole("link", { name: "Office" })).toHaveCount(0);
  } finally {
    agent.kill("SIGTERM");
  }
  complaints.length = 0;
});

test("a token is taken back before anybody has used it", async ({ page, server }) => {
  await server.call("POST", "/nodes/tokens", { name: "web1" });
  await server.open(page, "/nodes");
  await page.getByRole("button", { name: "Take back: web1" }).click();
  await expect(page.getByText("web1")).toHaveCount(0);
  expect(await server.items("/nodes/tokens")).toHaveLength(0);
});
