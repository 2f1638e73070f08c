import { randomBytes } from "node:crypto";

import { documents, insert, settings } from "./mongo";
import { given } from "./peers";
import { accessible, expect, test, type Json } from "./server";
import { expectNoSidewaysScroll } from "./walk";

type Log = { moments: { from: string; until: string }[]; trouble?: string };

/** A second in which nothing is written, nor in those beside it. */
async function between(): Promise<number> {
  const pass = () => new Promise((resolve) => setTimeout(resolve, 2500));
  await pass();
  const moment = Math.floor(Date.now() / 1000) * 1000;
  await pass();
  return moment;
}

/** A moment as its field is filled; the pages of tests have the clock of UTC. */
const typed = (at: number) => new Date(at).toISOString().slice(0, 19);

test("what is written between backups is kept, and any moment of it comes back, and none beside it", async ({ page, server, complaints }) => {
  test.skip(given("MONGODB_URI") === "", "there is no server of MongoDB's protocol here");
  test.setTimeout(240_000);
  const bank = `bank_${randomBytes(4).toString("hex")}`;
  insert(bank, "bookings", [{ _id: 0, text: "before the backup" }]);
  await server.open(page);
  await expect.poll(async () => (await server.items("/destinations")).length).toBeGreaterThan(0);
  const way = await server.call("POST", "/connections", { name: "Bank", settings: settings() });
  await server.call("POST", "/sources", { name: "Bank", node: way.node, spec: { type: "mongodb", connection: way.id } });

  await page.goto(`${server.url}/plans/new`);
  await page.getByLabel("Name").fill("Each second");
  await page.getByRole("checkbox", { name: /^Bank/ }).check();
  await page.getByRole("checkbox", { name: /^Local repository/ }).check();
  await page.getByLabel("Keep what is written between the backups").check();
  await page.getByLabel("Store it every", { exact: true }).fill("1");
  await page.getByLabel("Store it every: unit").selectOption("seconds");
  await accessible(page);
  await page.getByRole("button", { name: "Make the plan" }).click();
  await expect(page.getByRole("heading", { name: "Each second", level: 1 })).toBeVisible();
  const [plan] = await server.items("/plans");
  expect(plan?.continuous).toMatchObject({ every: "1s" });

  // The first backup, which the log follows on, is taken by itself.
  const log = async () => ((await server.items(`/plans/${plan?.id}/moments`)) as unknown as Log[])[0];
  const kept = async () => Date.parse((await log())?.moments.at(-1)?.until ?? "1970-01-01");
  await expect.poll(kept, { timeout: 90_000 }).toBeGreaterThan(0);
  insert(bank, "bookings", [{ _id: 1, text: "before the moment" }]);
  const moment = await between();
  insert(bank, "bookings", [{ _id: 2, text: "after it" }]);
  const later = await between();
  insert(bank, "bookings", [{ _id: 3, text: "last" }]);
  await expect.poll(kept, { timeout: 60_000 }).toBeGreaterThanOrEqual(later);
  const [first] = (await log())?.moments ?? [];
  expect(Date.parse(first?.from ?? "")).toBeLessThan(moment);

  await page.goto(`${server.url}/plans/${plan?.id}`);
  await expect(page.getByText(/^You can go back to any moment between .+ and .+\.$/)).toBeVisible();
  await accessible(page);
  for (const width of [390, 1280]) {
    await page.setViewportSize({ width, height: 800 });
    await expectNoSidewaysScroll(page);
  }

  const [backup] = await server.items(`/runs?plan=${plan?.id}&kind=backup&state=completed`);
  const [made] = backup?.destinations as Json[];
  await page.goto(`${server.url}/restore?repository=${made?.repository}&snapshot=latest`);
  await expect(page.getByRole("radio", { name: "A server of MongoDB" })).toBeChecked();
  await page.getByLabel("Only these databases and collections").fill(bank);
  await page.getByLabel("New names").fill(`${bank} = ${bank}_then`);
  // What there is to go back to is said at the field, and all else refused there.
  const field = page.getByLabel("Go back to a moment");
  const says = page.getByRole("alert").filter({ hasText: "One cannot go back to this moment." });
  await expect(page.getByText(/^You can go back to any moment between/)).toBeVisible();
  for (const outside of [Date.parse(first?.from ?? "") - 1000, Date.now() + 3_600_000]) {
    await field.fill(typed(outside));
    await expect(says).toContainText("You can go back to any moment between");
    await expect(field).toHaveAttribute("aria-invalid", "true");
    await expect(page.getByRole("button", { name: "Restore now" })).toBeDisabled();
  }
  await accessible(page);
  await field.fill(typed(moment));
  await expect(says).toHaveCount(0);
  await page.getByRole("button", { name: "Restore now" }).click();
  await expect(page).toHaveURL(/\/runs\/[0-9a-f-]{36}$/);
  await expect(page.getByText("Completed", { exact: true }).first()).toBeVisible({ timeout: 90_000 });
  await accessible(page);
  const all = documents(bank, "bookings");
  expect(all.map(({ _id }) => _id)).toEqual([0, 1, 2, 3]);
  expect(documents(`${bank}_then`, "bookings")).toEqual(all.slice(0, 2));

  // The moment itself is the same again; another one has what was written later.
  await page.getByRole("link", { name: "Restore again" }).click();
  await expect(field).toHaveValue(typed(moment));
  await page.getByLabel("New names").fill(`${bank} = ${bank}_later`);
  await field.fill(typed(later));
  await page.getByRole("button", { name: "Restore now" }).click();
  await expect(page).toHaveURL(/\/runs\/[0-9a-f-]{36}$/);
  await expect(page.getByText("Completed", { exact: true }).first()).toBeVisible({ timeout: 90_000 });
  expect(documents(`${bank}_later`, "bookings")).toEqual(all.slice(0, 3));
  complaints.length = 0;
});
