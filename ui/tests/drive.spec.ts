import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { fillIn, signIn } from "./drive";
import { given } from "./peers";
import { accessible, expect, test } from "./server";
import { ARCHIVES, REPOSITORY, documentsOf, objectsOf, walkThrough, type Goal } from "./services";
import { expectNoSidewaysScroll } from "./walk";

test("backups go to Google Drive after a sign-in, and go on after another one when access was taken back", async ({ page, server, complaints }) => {
  const url = given("DRIVE_URL");
  test.skip(url === "", "there is no server of Google Drive's protocol here");
  test.setTimeout(180_000);
  const folder = join(server.folder, "letters");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "letter.txt"), "Dear all\n");

  await server.open(page, "/connections/new?type=google_drive");
  await fillIn(page, "Sky", "Backstay/office");
  await page.getByRole("button", { name: "Sign in to Google" }).click();
  await expect(page.getByRole("heading", { name: "Sign in to Google" })).toBeVisible();
  await accessible(page);
  for (const width of [360, 1280]) {
    await page.setViewportSize({ width, height: 800 });
    await expectNoSidewaysScroll(page);
  }
  await signIn(page, "Deny");
  await expect(page.getByRole("alert").first()).toBeVisible({ timeout: 30_000 });
  await page.getByRole("button", { name: "Cancel" }).click();
  // What was entered is there still.
  await expect(page.getByLabel("Folder", { exact: true })).toHaveValue("Backstay/office");
  await page.getByRole("button", { name: "Sign in to Google" }).click();
  await signIn(page, "Allow");
  await expect(page).toHaveURL(`${server.url}/connections`, { timeout: 30_000 });
  await expect(page.getByRole("listitem").filter({ hasText: "Sky" })).toContainText("Works");
  expect(JSON.stringify(await server.items("/connections"))).not.toContain(given("DRIVE_SECRET"));

  const [way] = (await server.items("/connections")).filter(({ name }) => name === "Sky");
  const destination = await server.call("POST", "/destinations", { name: "In the sky", connection: way?.id, path: "" });
  const spec = { type: "files", paths: [folder] };
  const source = await server.call("POST", "/sources", { name: "Letters", node: way?.node, spec });
  const plan = await server.call("POST", "/plans", { name: "Letters", sources: [source.id], destinations: [destination.id] });
  expect((await server.run(plan)).state).toBe("completed");

  // The account's owner takes back what was allowed: the next backup waits and says for what.
  const account = await page.context().newPage();
  await account.goto(`${url}/device`);
  await account.getByRole("button", { name: "Remove access" }).click();
  await account.close();
  writeFileSync(join(folder, "second.txt"), "Dear all once more\n");
  const [run] = (await server.call("POST", `/plans/${plan.id}/run`, {})).runs as string[];
  await page.goto(`${server.url}/runs/${run}`);
  await expect(page.getByText(/: sign in again at the connection/).first()).toBeVisible({ timeout: 60_000 });
  await accessible(page);
  await page.goto(`${server.url}/connections/${way?.id}`);
  await page.getByRole("button", { name: "Sign in to Google again" }).click();
  await signIn(page, "Allow");
  // The page that shows the code learns of it, and is done.
  await expect(page.getByRole("button", { name: "Sign in to Google again" })).toBeVisible({ timeout: 30_000 });
  await page.goto(`${server.url}/runs/${run}`);
  await expect(page.getByText("Completed", { exact: true }).first()).toBeVisible({ timeout: 90_000 });
  await accessible(page);
  complaints.length = 0;
});

/** A destination in a folder of Google Drive, behind a connection that somebody signs in for. */
const inDrive = (holds: Goal["holds"]): Goal => ({
  name: "In the sky",
  holds,
  connect: async (page, server) => {
    await page.goto(`${server.url}/connections/new?type=google_drive`);
    await fillIn(page, "Sky", `Backstay/${holds.replaceAll(/\W/g, "")}`);
    await page.getByRole("button", { name: "Sign in to Google" }).click();
    await signIn(page, "Allow");
    await expect(page).toHaveURL(`${server.url}/connections`, { timeout: 30_000 });
    return "Sky";
  },
});

test("a bucket goes to a repository in Google Drive and comes back", async ({ page, server, complaints }) => {
  test.skip(given("DRIVE_URL") === "" || given("CLOUD_URL") === "", "there is no server of Google Drive's or S3's protocol here");
  await walkThrough(page, server, await objectsOf(server), inDrive(REPOSITORY));
  complaints.length = 0;
});

test("a server of MongoDB goes to archives in Google Drive and comes back", async ({ page, server, complaints }) => {
  test.skip(given("DRIVE_URL") === "" || given("MONGODB_URI") === "", "there is no server of Google Drive's or MongoDB's protocol here");
  await walkThrough(page, server, documentsOf(), inDrive(ARCHIVES));
  complaints.length = 0;
});
