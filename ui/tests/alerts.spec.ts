import { createHmac } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { enter } from "./enter";
import { accessible, expect, type Server, test } from "./server";

const NAME = "Büro <b>电话</b> مكتب";
const SECRET = "a secret of the office";

/** Takes in what is posted, and keeps it. */
async function receiver() {
  const heard: { body: string; signature: string }[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (part: Buffer) => (body += part.toString()));
    request.on("end", () => {
      heard.push({ body, signature: String(request.headers["x-backstay-signature"]) });
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { heard, url: `http://127.0.0.1:${port}/hook`, close: () => server.close() };
}

const signed = (body: string, signature: string, secret: string) => {
  const [, time = "", mac = ""] = /^t=(\d+),v1=([0-9a-f]+)$/.exec(signature) ?? [];
  return createHmac("sha256", secret).update(`${time}.${body}`).digest("hex") === mac;
};

async function made(server: Server, more: Record<string, unknown> = {}): Promise<string> {
  const channel = { type: "email", to: ["ada@example.org"] };
  return (await server.call("POST", "/notifiers", { name: "Mail", on: ["failed"], channel, ...more })).id;
}

test("what needs somebody is told, and who hears of it", async ({ page, server }) => {
  await server.open(page, "/alerts");
  await expect(page.getByText("Nobody is told yet")).toBeVisible();
  await accessible(page);
  await expect(page.getByText("Old disk")).toHaveCount(0);
  const run = await server.run(await server.planFor("Old disk", "/nowhere/at/all"));
  await page.getByRole("link", { name: "The last backup of “Old disk” failed" }).click();
  await expect(page).toHaveURL(`${server.url}/runs/${run.id}`);
});

test("a webhook is added, tried and changed, and its secret stays", async ({ page, server, complaints }) => {
  const office = await receiver();
  await server.open(page, "/alerts");
  await page.getByRole("link", { name: "Add webhook" }).click();
  await expect(page).toHaveURL(`${server.url}/alerts/new?type=webhook`);
  await accessible(page);
  await page.getByLabel("Name", { exact: true }).fill(NAME);
  await page.getByLabel("Address (URL)").fill("no address");
  await page.getByLabel("Secret").fill("short");
  await page.getByRole("button", { name: "Add webhook" }).click();
  await expect(page.getByRole("alert").filter({ hasText: "16 characters at least." })).toBeVisible();
  await page.getByLabel("Secret").fill(SECRET);
  await page.getByRole("button", { name: "Add webhook" }).click();
  await expect(page.getByRole("alert").filter({ hasText: "https://example.org/hook" }).first()).toBeVisible();
  await expect(page.getByLabel("Secret")).toHaveValue(SECRET);
  await page.getByLabel("Address (URL)").fill(office.url);
  await page.getByRole("checkbox", { name: "Summary" }).check();
  await page.getByLabel("How often there is a summary").selectOption("monthly");
  await page.getByLabel("The private network may be reached").check();
  await page.getByRole("button", { name: "Add webhook" }).click();
  await expect(page).toHaveURL(`${server.url}/alerts`);
  await expect(page.getByText("Monthly summary")).toBeVisible();
  await page.getByRole("button", { name: `Send a test: ${NAME}` }).click();
  await expect(page.getByText("The test has arrived.")).toBeVisible();
  expect(office.heard.map(({ body, signature }) => signed(body, signature, SECRET))).toEqual([true]);
  await accessible(page);

  await page.getByRole("link", { name: `Edit: ${NAME}` }).click();
  await expect(page.getByLabel("Secret")).toHaveValue("");
  await accessible(page);
  await page.getByRole("checkbox", { name: "Summary" }).uncheck();
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page).toHaveURL(`${server.url}/alerts`);
  const [stored] = await server.items("/notifiers");
  expect(stored).toMatchObject({ on: ["failed", "missed", "trouble", "warning", "recovered"], revision: 2 });
  await page.getByRole("button", { name: `Send a test: ${NAME}` }).click();
  await expect.poll(() => office.heard.map(({ body, signature }) => signed(body, signature, SECRET))).toEqual([true, true]);

  office.close();
  await page.getByRole("button", { name: `Send a test: ${NAME}` }).click();
  await expect(page.getByRole("alert")).toContainText("That did not work");
  await page.getByRole("button", { name: `Delete: ${NAME}` }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Delete" }).click();
  await expect(page.getByText("Nobody is told yet")).toBeVisible();
  expect(await server.items("/notifiers")).toEqual([]);
  complaints.length = 0;
});

test("what somebody else changed meanwhile is not overwritten", async ({ page, server, complaints }) => {
  const id = await made(server);
  await server.open(page, `/alerts/${id}`);
  await page.getByLabel("Name", { exact: true }).fill("Mine");
  const channel = { type: "email", to: ["grace@example.org"] };
  await server.call("PUT", `/notifiers/${id}`, { revision: 1, name: "Theirs", on: ["failed"], channel });
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("alert")).toContainText("was changed by somebody else");
  await expect(page.getByLabel("Name", { exact: true })).toHaveValue("Mine");
  await page.getByRole("button", { name: "Load the other version" }).click();
  await expect(page.getByLabel("Name", { exact: true })).toHaveValue("Theirs");
  await page.getByLabel("Addresses").fill("grace@example.org\nnobody");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("it has to be a mail address").first()).toBeVisible();
  await page.getByLabel("Addresses").fill("grace@example.org\nada@example.org");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page).toHaveURL(`${server.url}/alerts`);
  await expect(page.getByText("grace@example.org, ada@example.org")).toBeVisible();
  complaints.length = 0;
});

test("admins of a project tell people, and only owners of the server run commands", async ({ page, server }) => {
  const office = await server.call("POST", "/projects", { name: "Office" });
  const channel = { type: "command", program: "/bin/true" };
  await made(server, { name: "Pager", project: office.id, channel });
  await server.open(page);
  await enter(page, server, "adam@example.org", [{ project: office.id, role: "admin" }], "/alerts");
  await expect(page.getByRole("heading", { name: "Pager" })).toBeVisible();
  await expect(page.getByRole("link", { name: "Add e-mail" })).toBeVisible();
  await expect(page.getByRole("link", { name: "Add command" })).toHaveCount(0);
  await expect(page.getByRole("button", { name: "Send a test: Pager" })).toHaveCount(0);
  await expect(page.getByRole("link", { name: "Edit: Pager" })).toHaveCount(0);

  await enter(page, server, "oliver@example.org", [{ project: office.id, role: "operator" }], "/alerts");
  await expect(page.getByRole("heading", { name: "What needs somebody now" })).toBeVisible();
  await expect(page.getByText("Who is told")).toHaveCount(0);
});
