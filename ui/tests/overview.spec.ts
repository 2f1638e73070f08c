import { accessible, expect, OWNER, test, type Json } from "./server";

test("the set-up link leads to an account and an empty overview", async ({ page, fresh }) => {
  await page.goto(fresh.setupLink);
  await page.getByLabel("Your name").fill(OWNER.name);
  await page.getByLabel("E-mail address").fill(OWNER.email);
  await page.getByLabel("Password").fill(OWNER.password);
  await page.getByRole("button", { name: "Make the account" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Nothing is protected yet");
  await accessible(page);
});

test("the overview tells in one line whether all is well, and what is not", async ({ page, server }) => {
  const good = await server.plan("Letters");
  await server.run(good);
  await server.open(page);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Everything is protected");
  await accessible(page);

  const gone = await server.planFor("Old disk", "/nowhere/at/all");
  const failed = await server.run(gone);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("1 thing needs you");
  await page.getByRole("link", { name: "The last backup of “Old disk” failed" }).click();
  await expect(page).toHaveURL(`${server.url}/runs/${failed.id}`);
  await expect(page.getByRole("log")).toContainText("none of the paths to back up can be found");
  await accessible(page);
});

test("a plan is proven by a verification or a restore, and what it stores is told", async ({ page, server }) => {
  const plan = await server.plan("Letters", { schedule: { when: { daily: { at: ["03:00"] } } } });
  const run = await server.run(plan);
  await server.open(page);
  const row = page.getByRole("listitem").filter({ hasText: "Letters" }).last();
  await expect(row).toContainText("not proven yet");
  await expect(page.getByText("Next backup").locator("..")).toContainText(/in \d+ (hours|minutes)|just now|tomorrow/);
  const [destination] = run.destinations as Json[];
  const storage = page.getByRole("link", { name: String(destination?.name) });
  await expect(storage).toBeVisible();

  await server.run(plan, "verify");
  await expect(row).toContainText("verified just now");
  const target = `${server.folder}/restored`;
  await server.call("POST", "/restores", { repository: destination?.repository, snapshot: "latest", target });
  await expect(row).toContainText("restored just now");
  await accessible(page);
  await storage.click();
  await expect(page).toHaveURL(`${server.url}/snapshots?repository=${String(destination?.repository)}`);
});

test("the language and the appearance stay as they were chosen", async ({ page, server }) => {
  await server.open(page);
  await page.getByLabel("Language").selectOption("de");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Noch ist nichts gesichert");
  await page.getByLabel("Darstellung").selectOption("dark");
  await page.reload();
  await expect(page.getByRole("link", { name: "Überblick" })).toBeVisible();
  expect(await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme)).toBe("dark");
});
