import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { PROGRAM, accessible, expect, test } from "./server";

test("a destination is made along with its connection", async ({ page, server, complaints }) => {
  writeFileSync(join(server.folder, "file"), "");
  await server.open(page, "/destinations");
  await accessible(page);
  await page.getByRole("link", { name: "Add a destination" }).click();
  await page.getByLabel("Name").first().fill("Attic");
  await page.getByRole("combobox", { name: "Connection" }).selectOption("A new connection");
  const made = page.locator("section").filter({ has: page.getByRole("heading", { name: "A new connection" }) });
  await made.getByLabel("Name").fill("Disk in the attic");
  await made.getByLabel("Folder").fill(join(server.folder, "file/within"));
  await page.getByLabel("Folder").last().fill("/office");
  await page.getByRole("button", { name: "Try it and save" }).click();
  await expect(page.getByText("without a slash at the beginning")).toBeVisible();
  await page.getByLabel("Folder").last().fill("office");
  await page.getByRole("button", { name: "Try it and save" }).click();
  await expect(page.getByText("nothing was saved")).toBeVisible();
  await accessible(page);
  expect(await server.items("/connections")).toHaveLength(1);
  await made.getByLabel("Folder").fill(join(server.folder, "attic"));
  await page.getByRole("button", { name: "Try it and save" }).click();
  await expect(page).toHaveURL(/\/destinations\/[0-9a-f-]{36}$/);
  await expect(page.getByRole("heading", { name: "Attic", level: 1 })).toBeVisible();
  await expect(page.getByRole("main").getByRole("link", { name: "Disk in the attic" })).toBeVisible();
  await expect(page.getByText("None yet. A repository is made when a plan first goes here.")).toBeVisible();
  await accessible(page);
  complaints.length = 0;
});

test("when only the destination is refused, the connection that was made is kept and chosen", async ({ page, server, complaints }) => {
  await server.open(page, "/destinations/new");
  await page.getByLabel("Name").first().fill("Local repository");
  await page.getByRole("combobox", { name: "Connection" }).selectOption("A new connection");
  const made = page.locator("section").filter({ has: page.getByRole("heading", { name: "A new connection" }) });
  await made.getByLabel("Name").fill("Attic");
  await made.getByLabel("Folder").fill(join(server.folder, "attic"));
  await page.getByRole("button", { name: "Try it and save" }).click();
  await expect(page.getByRole("alert").first()).toBeVisible();
  await expect(page.getByRole("combobox", { name: "Connection" })).toHaveValue(/[0-9a-f-]{36}/);
  await page.getByLabel("Name").fill("Attic too");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("heading", { name: "Attic too", level: 1 })).toBeVisible();
  expect(await server.items("/connections")).toHaveLength(2);
  complaints.length = 0;
});

test("the key of a repository is shown when one is sure, and it opens the repository", async ({ page, server, complaints }) => {
  await server.run(await server.plan("Letters"));
  const [destination] = await server.items("/destinations");
  await server.open(page, `/destinations/${destination?.id}`);
  await expect(page.getByText("Completed")).toBeVisible();
  await page.getByRole("button", { name: "Show the key" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Show the key" }).click();
  const key = await page.getByRole("main").locator("code").innerText();
  await accessible(page);
  const path = join(server.folder, "data", String(destination?.path));
  const snapshots = execFileSync(PROGRAM, ["snapshots", "--json", "--repo", path], {
    env: { HOME: server.folder, RESTIC_PASSWORD: key },
  });
  expect(JSON.parse(snapshots.toString())).toHaveLength(1);
  await page.getByRole("button", { name: "Hide it" }).click();
  await expect(page.getByText(key)).toHaveCount(0);

  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Delete" }).click();
  await expect(page.getByText("in use by plan Letters")).toBeVisible();
  complaints.length = 0;
});

test("a repository that is there already is adopted with its snapshots", async ({ page, server, complaints }) => {
  const [place, password] = [join(server.folder, "old"), "its own password"];
  const env = { HOME: server.folder, RESTIC_PASSWORD: password };
  execFileSync(PROGRAM, ["init", "--repo", join(place, "restic")], { env });
  writeFileSync(join(server.folder, "letter.txt"), "a letter");
  execFileSync(PROGRAM, ["backup", "--repo", join(place, "restic"), join(server.folder, "letter.txt")], { env });
  const settings = { type: "local", path: place };
  const connection = await server.call("POST", "/connections", { name: "Old disk", settings });
  const made = await server.call("POST", "/destinations", { name: "Old", connection: connection.id });
  await server.open(page, `/destinations/${made.id}`);
  await page.getByText("Adopt a repository that is there already").click();
  const form = page.locator("details").filter({ hasText: "Adopt a repository" });
  await form.getByLabel("Folder").fill("restic");
  await form.getByLabel("Password").fill("wrong");
  await form.getByRole("button", { name: "Open and adopt it" }).click();
  await expect(form.getByRole("alert").first()).toBeVisible();
  await accessible(page);
  await form.getByLabel("Password").fill(password);
  await form.getByRole("button", { name: "Open and adopt it" }).click();
  await expect(form.getByText("Adopted, with 1 snapshot.")).toBeVisible();
  await expect(page.getByText("Was there before")).toBeVisible();
  complaints.length = 0;
});
