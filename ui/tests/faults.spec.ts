// A server, a session and a network that go away while somebody works.

import { readFileSync } from "node:fs";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

import type { Page } from "@playwright/test";

import { OWNER, expect, test, type Json, type Server } from "./server";

/** A run that goes on for a while and writes a line now and then. */
async function talking(server: Server, lines: number, pause = 0.2): Promise<{ plan: Json; run: string }> {
  const script = `for n in $(seq ${lines}); do echo "line $n of many"; sleep ${pause}; done`;
  const plan = await server.plan("Talking", { hooks: { before: [{ command: { program: "/bin/sh", arguments: ["-c", script] }, timeout: "5m" }] } });
  const { runs } = await server.call("POST", `/plans/${plan.id}/run`, {});
  return { plan, run: (runs as string[])[0] ?? "" };
}

const linesOf = async (server: Server, run: string) =>
  (await server.items(`/runs/${run}/log?limit=1000`)).map(({ number, level, text }) => ({ number, level, text: String(text) }));

/** The lines that a page holds, as it hands them over. */
async function shownLines(page: Page): Promise<string[]> {
  const downloading = page.waitForEvent("download");
  await page.getByRole("button", { name: "Download", exact: true }).click();
  return readFileSync(await (await downloading).path(), "utf8").trimEnd().split("\n");
}

test("a run's page goes on when its server starts again: no line of its log is missing, and none is there twice", async ({ page, server, complaints }) => {
  const { run } = await talking(server, 30);
  await server.open(page, `/runs/${run}`);
  const log = page.getByRole("log");
  await page.getByLabel("Least level").selectOption("Debug");
  await expect(log).toContainText("line 5 of many");
  await server.stop();
  await page.waitForTimeout(1500);
  await server.start(Number(new URL(server.url).port));
  await expect(page.getByText("Completed", { exact: true })).toBeVisible({ timeout: 60_000 });
  await expect(log).toContainText("saved snapshot");
  const known = await linesOf(server, run);
  expect(known.map(({ number }) => number)).toEqual(known.map((_, index) => index + 1));
  await expect(page.getByText(`${known.length} lines`, { exact: true })).toBeVisible();
  const lines = await shownLines(page);
  expect(lines).toHaveLength(known.length);
  known.forEach(({ text }, index) => expect(lines[index]).toContain(text));
  // That the server was away may be said on the console.
  complaints.length = 0;
});

test("what is entered outlives a server that starts again, and is saved then", async ({ page, server, complaints }) => {
  await server.open(page, "/sources/new");
  await page.getByRole("textbox", { name: "Name" }).fill("Letters");
  await page.getByLabel("Chosen").fill(server.folder);
  await server.stop();
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("The server cannot be reached").first()).toBeVisible();
  await server.start(Number(new URL(server.url).port));
  await expect(page.getByRole("textbox", { name: "Name" })).toHaveValue("Letters");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page).toHaveURL(`${server.url}/sources`);
  expect(await server.items("/sources")).toMatchObject([{ name: "Letters" }]);
  complaints.length = 0;
});

/** A proxy before the server that hands on all but the stream of events: that begins, and says nothing. */
async function buffering(server: Server): Promise<{ url: string; close: () => void }> {
  const proxy = createServer((asked, answered) => {
    if (asked.url === "/api/v1/events") {
      answered.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
      return;
    }
    const { method, headers } = asked;
    const onward = request(`${server.url}${asked.url}`, { method, headers }, (answer) => {
      answered.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(answered);
    });
    onward.on("error", () => answered.destroy());
    asked.pipe(onward);
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const { port } = proxy.address() as AddressInfo;
  const close = () => {
    proxy.close();
    proxy.closeAllConnections();
  };
  return { url: `http://localhost:${port}`, close };
}

for (const how of ["is blocked", "stays silent"]) {
  test(`where the stream of events ${how}, a new line is there within ten seconds`, async ({ page, server, complaints }) => {
    const { run } = await talking(server, 200, 0.5);
    const proxy = await buffering(server);
    await page.route("**/api/v1/events", (route) => (how === "is blocked" ? route.abort() : route.fallback()));
    await server.open(page, "/me/profile");
    await page.goto(`${proxy.url}/runs/${run}`);
    const log = page.getByRole("log");
    await expect(log).toContainText("line 1 of many");
    for (let turn = 0; turn < 2; turn += 1) {
      const newest = (await linesOf(server, run)).at(-1)?.text ?? "";
      expect(newest).toContain("of many");
      await expect(log).toContainText(newest, { timeout: 10_000 });
    }
    await server.call("POST", `/runs/${run}/cancel`);
    await expect(page.getByText("Cancelled", { exact: true })).toBeVisible();
    await page.getByLabel("Least level").selectOption("Debug");
    const known = await linesOf(server, run);
    await expect.poll(async () => (await shownLines(page)).length).toBe(known.length);
    await page.close();
    proxy.close();
    complaints.length = 0;
  });
}

/** Signs in again, in another tab. */
async function signInBeside(page: Page, server: Server): Promise<void> {
  const beside = await page.context().newPage();
  await beside.goto(`${server.url}/sign-in`);
  await beside.getByLabel("E-mail address").fill(OWNER.email);
  await beside.getByLabel("Password").fill(OWNER.password);
  await beside.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(beside.getByRole("navigation", { name: "Pages" })).toBeVisible();
  await beside.close();
}

const NAME = "Grace – مرحبا";

/** Forms, what else is entered in them, and what saves them. */
const FORMS: [string, string, (page: Page) => Promise<void>][] = [
  ["/sources/new", "Save", (page) => page.getByLabel("Chosen").fill("/etc")],
  ["/connections/new", "Try it and save", (page) => page.getByLabel("Folder", { exact: true }).fill("/tmp")],
  [
    "/plans/new",
    "Make the plan",
    async (page) => {
      await page.getByRole("checkbox", { name: /^Letters files/ }).check();
      await page.getByRole("checkbox", { name: /^Local repository/ }).check();
      await page.getByText("Around the backup").click();
      await page.getByRole("button", { name: "Add a step before" }).click();
      await page.getByLabel("Program", { exact: true }).fill("/bin/true");
    },
  ],
];

for (const [path, save, enter] of FORMS) {
  test(`a session that ends takes nothing of what was entered: ${path}`, async ({ page, server, complaints }) => {
    await server.plan("Letters");
    await server.open(page, path);
    const name = page.getByRole("textbox", { name: "Name", exact: true }).first();
    await name.fill(NAME);
    await enter(page);
    await page.evaluate(() => fetch("/api/v1/sign-out", { method: "POST" }));
    const told = page.getByRole("alertdialog", { name: "You were signed out" });
    const button = page.getByRole("button", { name: save, exact: true });
    // What the page asks for by itself may find it out first; then the form cannot be sent.
    await expect(async () => {
      if (!(await told.isVisible())) {
        await button.click({ timeout: 1000 });
      }
      await expect(told).toBeVisible({ timeout: 2000 });
    }).toPass();
    await told.getByRole("button", { name: "Back to the form" }).click();
    await expect(name).toHaveValue(NAME);
    // What the page asks for by itself, as when it is looked at again, interrupts no second time.
    const refused = page.waitForResponse((response) => response.status() === 401);
    await page.waitForTimeout(5_500);
    await page.evaluate(() => dispatchEvent(new Event("visibilitychange")));
    await refused;
    await expect(told).toHaveCount(0);
    await signInBeside(page, server);
    await button.click();
    await expect(page).not.toHaveURL(server.url + path);
    await expect(page.getByText(NAME).first()).toBeVisible();
    complaints.length = 0;
  });
}

test("a session that ends under a restore brings one back to it with all that was chosen", async ({ page, server, complaints }) => {
  const run = await server.run(await server.plan("Letters"));
  const [made] = run.destinations as Json[];
  await server.open(page, `/restore?repository=${made?.repository}&snapshot=${made?.snapshot}`);
  const target = join(server.folder, "back");
  await page.getByLabel("Another folder").check();
  await page.getByLabel("Folder", { exact: true }).fill(target);
  await page.getByLabel("Keep all files that are there").check();
  await expect(page).toHaveURL(/overwrite=never/);
  await page.evaluate(() => fetch("/api/v1/sign-out", { method: "POST" }));
  // What the page asks for by itself may find it out first.
  await page.getByRole("button", { name: "Dry run" }).click({ timeout: 5000 }).catch(() => undefined);
  await expect(page).toHaveURL(/\/sign-in\?next=/);
  await page.getByLabel("E-mail address").fill(OWNER.email);
  await page.getByLabel("Password").fill(OWNER.password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(page.getByLabel("Folder", { exact: true })).toHaveValue(target);
  await expect(page.getByLabel("Keep all files that are there")).toBeChecked();
  await page.getByRole("button", { name: "Dry run" }).click();
  await expect(page.getByRole("region", { name: /Dry run/ }).locator("dl")).toContainText("20");
  complaints.length = 0;
});
