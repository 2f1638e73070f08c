import { accessible, expect, test } from "./server";

test("a copy plan is made, run, made a mirror, and its run says what was copied", async ({ page, server, complaints }) => {
  test.setTimeout(180_000);
  const letters = await server.plan("Letters", {});
  expect((await server.run(letters)).state).toBe("completed");
  const [first] = await server.items("/destinations");
  const connection = first?.connection;
  await server.call("POST", "/destinations", { name: "Off site", connection, path: "off-site" });

  await server.open(page, "/plans/new");
  await page.getByLabel("Name").fill("Second site");
  await page.getByLabel("The plan").selectOption("copies what was backed up to other destinations");
  await expect(page.getByRole("group", { name: "Sources" })).toHaveCount(0);
  await page.getByRole("button", { name: "Make the plan" }).click();
  await expect(page.getByLabel("Copies from")).toHaveAttribute("aria-invalid", "true");
  await page.getByLabel("Copies from").selectOption("Local repository");
  // What is copied from is no place to copy to.
  await expect(page.getByRole("group", { name: "Copies to" }).getByRole("checkbox")).toHaveCount(1);
  await page.getByRole("checkbox", { name: /^Off site/ }).check();
  await page.getByText("Only some snapshots").click();
  await page.getByRole("checkbox", { name: "Letters" }).check();
  await accessible(page);
  await page.getByLabel("It runs").selectOption("Only by hand");
  await page.getByRole("button", { name: "Make the plan" }).click();
  await expect(page.getByRole("heading", { name: "Second site", level: 1 })).toBeVisible();
  await expect(page.getByRole("definition").filter({ hasText: "Local repository" })).toBeVisible();
  const plan = (await server.items("/plans")).find(({ name }) => name === "Second site");
  expect(plan).toMatchObject({ sources: [], copy: { from: first?.id, plans: [letters.id], mirror: false } });

  await page.getByRole("button", { name: "Copy now: Second site" }).click();
  await expect(page.getByText("Completed", { exact: true })).toBeVisible({ timeout: 60_000 });
  const facts = page.getByRole("definition");
  await expect(facts.filter({ hasText: /^Local repository$/ })).toBeVisible();
  await expect(facts.filter({ hasText: /^1$/ }).first()).toBeVisible();
  await accessible(page);

  await page.goto(`${server.url}/plans/${plan?.id}/edit`);
  await expect(page.getByLabel("The plan")).toHaveCount(0);
  await page.getByRole("checkbox", { name: /^Mirror/ }).check();
  await expect(page.getByRole("heading", { name: "How long it is kept" })).toHaveCount(0);
  await page.getByRole("button", { name: "Save the plan" }).click();
  await expect(page.getByText("A mirror: what there is where it is copied from.")).toBeVisible();
  await page.goto(`${server.url}/plans`);
  await expect(page.getByRole("listitem").filter({ hasText: "Second site" }).getByText("Last copy")).toBeVisible();
  complaints.length = 0;
});
