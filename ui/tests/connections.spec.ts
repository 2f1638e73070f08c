import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { accessible, expect, test } from "./server";

const NAME = "Attic <b>disk</b> مرحبا 数据";

test("a connection is tried before it is saved, and nothing that was entered is lost", async ({ page, server, complaints }) => {
  await server.open(page, "/connections");
  await expect(page.getByRole("listitem").filter({ hasText: "This computer" })).toContainText("Works");
  await accessible(page);
  await page.getByRole("link", { name: "Add a connection" }).click();
  await page.getByRole("button", { name: "Try it and save" }).click();
  await expect(page.getByLabel("Name")).toBeFocused();
  await expect(page.getByText("This is needed.")).toHaveCount(2);
  await accessible(page);
  writeFileSync(join(server.folder, "file"), "");
  await page.getByLabel("Name").fill(NAME);
  await page.getByLabel("Folder", { exact: true }).fill(join(server.folder, "file/within"));
  await page.getByRole("button", { name: "Try it and save" }).click();
  await expect(page.getByText("nothing was saved")).toBeVisible();
  await expect(page.getByLabel("Name")).toHaveValue(NAME);
  expect(await server.items("/connections")).toHaveLength(1);
  await page.getByLabel("Folder", { exact: true }).fill(join(server.folder, "attic"));
  await page.getByRole("button", { name: "Try it and save" }).click();
  await expect(page).toHaveURL(`${server.url}/connections`);
  await expect(page.getByRole("listitem").filter({ hasText: NAME })).toContainText("Works");
  // That it was refused is said on the console too.
  complaints.length = 0;
});

test("a bucket's secret is asked for once, and a service that cannot be reached is not saved", async ({ page, server, complaints }) => {
  await server.open(page, "/connections/new?type=s3");
  await page.getByRole("textbox", { name: "Name" }).fill("Bucket");
  await page.getByLabel("Address of the service").fill("http://127.0.0.1:9");
  await page.getByRole("textbox", { name: "Bucket" }).fill("backups");
  await page.getByLabel("Access key").fill("key");
  await page.getByRole("button", { name: "Try it and save" }).click();
  await expect(page.getByLabel("Secret key")).toBeFocused();
  await page.getByLabel("Secret key").fill("secret of the bucket");
  await page.getByLabel("Let it reach this host").check();
  await page.getByRole("button", { name: "Try it and save" }).click();
  await expect(page.getByText("nothing was saved")).toBeVisible({ timeout: 60_000 });
  await expect(page.getByLabel("Secret key")).toHaveValue("secret of the bucket");
  await accessible(page);
  page.once("dialog", (dialog) => void dialog.dismiss());
  await page.getByRole("link", { name: "Plans" }).click();
  await expect(page).toHaveURL(/connections\/new/);
  expect(await server.items("/connections")).toHaveLength(1);
  complaints.length = 0;
});

test("a connection is tried now, changed over another's change, and deleted", async ({ page, server, complaints }) => {
  const path = join(server.folder, "attic");
  const made = await server.call("POST", "/connections", { name: "Attic", settings: { type: "local", path } });
  await server.open(page, `/connections/${made.id}`);
  rmSync(path, { recursive: true });
  writeFileSync(path, "a file where the folder was");
  await page.getByRole("button", { name: "Try now: Attic" }).click();
  await expect(page.getByText("Fails", { exact: true })).toBeVisible();
  await accessible(page);
  rmSync(path);
  await page.getByRole("button", { name: "Try now: Attic" }).click();
  await expect(page.getByText("Works", { exact: true })).toBeVisible();

  const settings = { type: "local", path };
  await server.call("PUT", `/connections/${made.id}`, { name: "Cellar", settings, revision: made.revision });
  await page.getByLabel("Name").fill("Garage");
  await page.getByRole("button", { name: "Try it and save" }).click();
  await expect(page.getByText("somebody else has changed")).toBeVisible();
  await expect(page.getByLabel("Name")).toHaveValue("Garage");
  await page.getByRole("button", { name: "Load the other version" }).click();
  await expect(page.getByLabel("Name")).toHaveValue("Cellar");
  await page.getByLabel("Name").fill("Garage");
  await page.getByRole("button", { name: "Try it and save" }).click();
  await expect(page.getByRole("link", { name: "Garage" })).toBeVisible();

  await page.getByRole("link", { name: "This computer" }).click();
  await page.getByRole("button", { name: "Delete" }).click();
  await accessible(page);
  await page.getByRole("alertdialog").getByRole("button", { name: "Delete" }).click();
  await expect(page.getByText("in use by destination Local repository")).toBeVisible();
  await page.goto(`${server.url}/connections/${made.id}`);
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Delete" }).click();
  await expect(page).toHaveURL(`${server.url}/connections`);
  await expect(page.getByRole("link", { name: "Garage" })).toHaveCount(0);
  complaints.length = 0;
});

test("who may only look sees no buttons, and who may run plans sees those", async ({ page, server }) => {
  const plan = await server.plan("Letters");
  const run = await server.run(plan);
  const [[connection], [source], [destination]] = [
    await server.items("/connections"),
    await server.items("/sources"),
    await server.items("/destinations"),
  ];
  const editing = /^(Add|Make|Delete|Try it|Save|Edit|Clone|Switch|Forget|Show the key|Rename|Go back)/;
  const running = /^(Back up now|Try now|Run again)/;
  const paths = [
    "/connections",
    `/connections/${connection?.id}`,
    "/destinations",
    `/destinations/${destination?.id}`,
    "/sources",
    `/sources/${source?.id}`,
    "/plans",
    `/plans/${plan.id}`,
    `/plans/${plan.id}/revisions`,
    "/nodes",
    `/runs/${run.id}`,
  ];
  for (const [role, mayRun] of [
    ["viewer", false],
    ["operator", true],
  ] as const) {
    await page.goto("about:blank");
    await page.context().clearCookies();
    await server.openAs(role, page);
    let seen = 0;
    for (const path of paths) {
      await page.goto(server.url + path);
      await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
      await expect(page.getByRole("status").filter({ hasText: "Loading" })).toHaveCount(0);
      const controls = page.getByRole("main").getByRole("button").or(page.getByRole("main").getByRole("link"));
      await expect(controls.filter({ hasText: editing }), `${role} ${path}`).toHaveCount(0);
      seen += await controls.filter({ hasText: running }).count();
    }
    expect(seen > 0, `${role} runs`).toBe(mayRun);
  }
  await page.goto(`${server.url}/connections/new`);
  await expect(page.getByText("You may not do this")).toBeVisible();
});
