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
  const verdict = page.getByRole("heading", { level: 1 });
  // Backups that nobody can open without this server are not safe yet.
  await expect(verdict).toHaveText("1 thing needs you");
  await accessible(page);
  await page.getByRole("link", { name: "No recovery kit was downloaded yet" }).click();
  await page.getByRole("button", { name: "Download the recovery kit" }).click();
  await expect(page.getByText("The kit opens all backups.")).toBeVisible();
  await page.getByRole("link", { name: "Overview" }).click();
  await expect(verdict).toHaveText("Everything is protected");
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

test("what is stored is drawn over time, with what is to come, for the eye, the keyboard and as a table", async ({ page, server }) => {
  const plan = await server.plan("Letters");
  await server.run(plan);
  await server.run(plan, "verify");
  const [destination] = await server.items("/destinations");
  await server.open(page, `/destinations/${destination?.id}`);
  await expect(page.getByText("A line over time is shown once")).toBeVisible();
  await page.goto(server.url);
  await expect(page.getByRole("meter")).toBeVisible();
  await expect(page.getByRole("slider")).toHaveCount(0);

  // Nobody can wait for a month: the server's answer is given the days that it does not have yet.
  const GIB = 1024 ** 3;
  await page.route(/\/api\/v1\/overview/, async (route) => {
    const response = await route.fetch();
    const told = (await response.json()) as { days: string[]; storage: Record<string, unknown>[] };
    const stored = told.days.map((_, place) => (place % 3 === 1 ? null : (10 + place) * GIB));
    const last = Date.parse(told.days.at(-1) ?? "");
    const full = new Date(last + 10 * 24 * 3600_000).toISOString();
    await route.fulfill({ response, json: { ...told, storage: told.storage.map((place) => ({ ...place, days: stored, free: 5 * GIB, full })) } });
  });
  for (const path of ["/", `/destinations/${destination?.id}`]) {
    await page.goto(server.url + path);
    const line = page.getByRole("slider");
    await expect(line).toHaveAttribute("aria-valuetext", /GiB$/);
    const latest = await line.getAttribute("aria-valuetext");
    await line.focus();
    await page.keyboard.press("ArrowRight");
    await expect(line).toHaveAttribute("aria-valuetext", /: about \S+ GiB, if it goes on like this$/);
    await page.keyboard.press("Home");
    await expect(line).toHaveAttribute("aria-valuetext", /: 10\.0 GiB$/);
    await line.blur();
    await expect(line).toHaveAttribute("aria-valuetext", latest ?? "");
    const figure = page.getByRole("figure");
    const box = await line.boundingBox();
    await page.mouse.move((box?.x ?? 0) + 1, (box?.y ?? 0) + 5);
    await expect(figure.locator("figcaption")).toContainText("10.0 GiB");
    await figure.getByText("As a table").click();
    expect(await figure.getByRole("row").count()).toBeGreaterThan(20);
    await expect(figure.getByRole("row").last()).toContainText("if it goes on like this");
    await accessible(page);
    await page.setViewportSize({ width: 360, height: 800 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
    await page.setViewportSize({ width: 1280, height: 720 });
  }
  await page.goto(server.url);
  await expect(page.getByText("will soon be full")).toBeVisible();
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
