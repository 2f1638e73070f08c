// The receiver that the server itself hosts: who may bring backups there, and what they have brought.

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import { enter } from "./enter";
import { PROGRAM, accessible, expect, test, type Server } from "./server";
import { expectNoSidewaysScroll } from "./walk";

test.describe("a server without one", () => {
  test("says how to begin, and only to owners of the server", async ({ page, server, complaints }) => {
    await server.open(page, "/settings/receiver");
    await expect(page.getByRole("heading", { name: "This server takes no backups of others in" })).toBeVisible();
    await expect(page.getByText("backstay up --receiver")).toBeVisible();
    await accessible(page);
    const [project] = await server.items("/projects");
    await enter(page, server, "otto@example.org", [{ project: String(project?.id), role: "admin" }], "/settings/receiver");
    for (const path of ["", "/add", "/clients/web1"]) {
      await page.goto(`${server.url}/settings/receiver${path}`);
      await expect(page.getByText("The settings belong to the owners of the server")).toBeVisible();
    }
    complaints.length = 0;
  });
});

test.describe("a server with one", () => {
  const folder = mkdtempSync(join(tmpdir(), "backstay-received-"));
  test.use({ options: ["--receiver", folder] });
  test.afterAll(() => rmSync(folder, { recursive: true }));

  /** Makes an archive, and sends it by the command that the dashboard tells. */
  function send(server: Server, lines: readonly string[], source: string): void {
    const env = { PATH: process.env.PATH, HOME: server.folder };
    const run = (program: string, args: string[]) => execFileSync(program, args, { env, cwd: server.folder, stdio: "pipe" });
    writeFileSync(join(server.folder, "letter.txt"), source);
    rmSync(join(server.folder, "Data.zip"), { force: true });
    rmSync(join(server.folder, "Data.zip.manifest.json"), { force: true });
    run(resolve(PROGRAM), ["archive", "create", "--plain", "--name", "Data", "--output", ".", join(server.folder, "letter.txt")]);
    for (const line of lines) {
      run("sh", ["-c", line.replace(/^backstay /, `'${resolve(PROGRAM)}' `)]);
    }
  }

  /** Puts as much of a file there as is told, as a client of tus does. */
  async function put(server: Server, token: string, name: string, size: number, part = size): Promise<number | undefined> {
    const { hostname, port } = new URL(server.url);
    const headers = {
      authorization: `Bearer ${token}`,
      "tus-resumable": "1.0.0",
      "upload-length": String(size),
      "upload-metadata": `filename ${Buffer.from(name).toString("base64")}`,
      "content-type": "application/offset+octet-stream",
    };
    return new Promise((resolve, reject) => {
      const call = request({ hostname, port, path: "/archives", method: "POST", headers }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      });
      call.on("error", reject);
      call.end("x".repeat(part));
    });
  }

  test("a client is let in, brings files, is changed, and is turned away", async ({ page, server, complaints }) => {
    test.setTimeout(120_000);
    await server.open(page, "/settings/receiver");
    await expect(page.getByText("No client yet")).toBeVisible();
    await expect(page.getByText("Nothing is coming in now.")).toBeVisible();
    await expect(page.locator("code").filter({ hasText: server.url.replace("localhost", "127.0.0.1") })).toBeVisible();
    await expect(page.getByText("speaks no TLS")).toBeVisible();
    await accessible(page);
    await page.getByRole("link", { name: "Add a client" }).click();
    await page.getByLabel("Name").fill("web 1");
    await page.getByRole("button", { name: "Add a client" }).click();
    await expect(page.getByText("Only letters, digits, - and _.")).toBeVisible();
    await page.getByLabel("Name").fill("web1");
    await page.getByLabel("Quota", { exact: true }).fill("2");
    await page.getByLabel("Append-only").check();
    await page.getByLabel("Let in until").fill("2020-01-01");
    await page.getByRole("button", { name: "Add a client" }).click();
    await expect(page.getByRole("alert").first()).toContainText("moment to come");
    await page.getByLabel("Let in until").fill("2090-01-01");
    await page.getByLabel("Never keep fewer than").fill("3");
    await accessible(page);
    await page.getByRole("button", { name: "Add a client" }).click();
    await expect(page.getByRole("heading", { name: "“web1” is let in" })).toBeVisible();
    const token = await page.locator("code").first().innerText();
    const lines = await page.locator("code").filter({ hasText: "receiver-token" }).allInnerTexts();
    expect(lines).toHaveLength(2);
    await accessible(page);
    await page.setViewportSize({ width: 360, height: 800 });
    await expectNoSidewaysScroll(page);
    await page.setViewportSize({ width: 1280, height: 800 });

    send(server, lines, "first");
    expect(await put(server, token, "بيانات <b>.zip", 1000)).toBe(201);
    expect(await put(server, token, "Large.zip", 4_000_000, 1_000_000)).toBe(201);
    await page.getByRole("link", { name: "Show the client" }).click();
    await expect(page.getByRole("heading", { name: "web1", level: 1 })).toBeVisible();
    await expect(page.getByText(token)).toHaveCount(0);
    const files = page.getByRole("table", { name: "Files" });
    await expect(files).toContainText("Data.zip.manifest.json");
    await expect(files).toContainText("بيانات <b>.zip");
    await expect(page.getByRole("progressbar", { name: "Progress of Large.zip" })).toBeVisible();
    await expect(page.getByText(/25 %/)).toBeVisible();
    const facts = page.locator("dl").first();
    await expect(facts).toContainText("of 2.0 GiB");
    await expect(facts).toContainText("Add and read");
    await expect(facts).toContainText("1 January 2090");
    await accessible(page);

    await page.goto(`${server.url}/settings/receiver`);
    const row = page.getByRole("row").filter({ hasText: "web1" });
    await expect(row).toContainText("of 2.0 GiB");
    await expect(page.getByRole("progressbar", { name: "Progress of Large.zip" })).toBeVisible();
    await accessible(page);
    await row.getByRole("link", { name: "web1" }).click();

    // Somebody else changes it meanwhile.
    await expect(page.getByLabel("Let in until")).toHaveValue("2090-01-01");
    const { revision } = await server.call("GET", "/receiver/clients/web1");
    await server.call("PUT", "/receiver/clients/web1", { revision, quota: 1024 ** 3 });
    await page.getByLabel("Append-only").uncheck();
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("button", { name: "Load the other version" }).click();
    await expect(page.getByLabel("Quota", { exact: true })).toHaveValue("1");
    await page.getByLabel("Keep at most so many").fill("5");
    await page.getByRole("button", { name: "Save" }).click();
    await expect(page).toHaveURL(`${server.url}/settings/receiver`);
    expect(await server.call("GET", "/receiver/clients/web1")).toMatchObject({ quota: 1024 ** 3, append_only: false, retention: { max_count: 5 } });

    await page.getByRole("link", { name: "web1" }).click();
    await page.getByRole("button", { name: "Make a new token" }).click();
    await page.getByRole("alertdialog").getByRole("button", { name: "Make a new token" }).click();
    await expect(page.getByRole("heading", { name: "A new token" })).toBeVisible();
    const renewed = await page.getByText(/^bsr_/).innerText();
    expect(renewed).not.toBe(token);
    expect(await put(server, token, "old.zip", 1)).toBe(401);
    expect(await put(server, renewed, "new.zip", 1)).toBe(201);
    await page.getByRole("button", { name: "Done" }).click();
    await expect(page.getByText(renewed)).toHaveCount(0);

    await page.getByRole("button", { name: "Remove client" }).click();
    await accessible(page);
    await page.getByRole("alertdialog").getByRole("button", { name: "Remove client" }).click();
    await expect(page).toHaveURL(`${server.url}/settings/receiver`);
    await expect(page.getByText("No client yet")).toBeVisible();
    expect(await put(server, renewed, "gone.zip", 1)).toBe(401);
    await page.goto(`${server.url}/settings/receiver/clients/web1`);
    await expect(page.getByRole("alert")).toBeVisible();
    complaints.length = 0;
  });

  test("many files come in pages that stand in the address", async ({ page, server }) => {
    const made = await server.call("POST", "/receiver/clients", { name: "many" });
    for (let number = 0; number < 60; number += 1) {
      expect(await put(server, String(made.token), `${String(number).padStart(3, "0")}.zip`, 10)).toBe(201);
    }
    await server.open(page, "/settings/receiver/clients/many");
    const table = page.getByRole("table", { name: "Files" });
    await expect(table.getByRole("row")).toHaveCount(51);
    await page.getByRole("link", { name: "Next page" }).click();
    await expect(page).toHaveURL(/after=/);
    await expect(table).toContainText("059.zip");
    await page.reload();
    await expect(table).toContainText("059.zip");
    await page.getByRole("link", { name: "First page" }).click();
    await expect(table).toContainText("000.zip");
    await server.call("DELETE", "/receiver/clients/many");
  });
});
