import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { type Server, accessible, expect, test } from "./server";

const ODD = "Nächtlich <b>alles</b> مرحبا 数据";

async function source(server: Server, name: string): Promise<void> {
  const path = join(server.folder, "files");
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, "letter.txt"), "a letter");
  await server.call("POST", "/sources", { name, spec: { type: "files", paths: [path] } });
}

test("a plan is made, run, changed, compared with what it was, reverted and deleted", async ({ page, server, complaints }) => {
  test.setTimeout(180_000);
  await source(server, "Letters");
  await server.open(page, "/plans");
  await accessible(page);
  await page.getByRole("link", { name: "Make a plan" }).click();
  await page.getByRole("button", { name: "Make the plan" }).click();
  await expect(page.getByLabel("Name")).toBeFocused();
  await expect(page.getByText("Choose at least one source.")).toBeVisible();
  await accessible(page);
  await page.getByLabel("Name").fill(ODD);
  await page.getByRole("checkbox", { name: /^Letters/ }).check();
  await page.getByRole("checkbox", { name: /^Local repository/ }).check();
  await page.getByLabel("It runs").selectOption("On days of the week");
  await page.getByRole("checkbox", { name: "Saturday" }).uncheck();
  await page.getByRole("checkbox", { name: "Monday" }).check();
  await page.getByRole("checkbox", { name: "Thursday" }).check();
  await page.getByLabel("Time 1").fill("04:30");
  await page.getByLabel("Time zone").fill("Europe/Berlin");
  await expect(page.getByText("Every Monday and Thursday at 04:30 (Europe/Berlin).")).toBeVisible();
  await expect(page.getByRole("status").getByText(/^(Mon|Thu).*04:30/)).toHaveCount(5);
  await page.getByLabel("Days", { exact: true }).fill("14");
  await expect(page.getByText("The newest of each of the last 14 days, 4 weeks and 12 months.")).toBeVisible();
  await page.getByText("Around the backup").click();
  await page.getByRole("button", { name: "Add a step before" }).click();
  await page.getByLabel("What is done").selectOption("Run a program");
  await page.getByText("Around the backup").click();
  await page.getByRole("button", { name: "Make the plan" }).click();
  // What is wrong in what is folded away is shown.
  await expect(page.getByLabel("Program", { exact: true })).toBeFocused();
  await page.getByRole("button", { name: "Remove step 1" }).click();
  await page.getByRole("button", { name: "Make the plan" }).click();
  await expect(page.getByRole("heading", { name: ODD, level: 1 })).toBeVisible();
  const [plan] = await server.items("/plans");
  expect(plan).toMatchObject({
    schedule: { when: { weekly: { days: ["mon", "thu"], at: ["04:30"] } }, zone: "Europe/Berlin", catch_up: true },
    retention: { last: 3, daily: 14, weekly: 4, monthly: 12 },
    verification: { every: "7d", read_percent: 5 },
    enabled: true,
  });
  await page.getByRole("button", { name: `Back up now: ${ODD}` }).click();
  await expect(page.getByText("Completed", { exact: true })).toBeVisible();
  await page.goto(`${server.url}/plans/${plan?.id}`);
  await expect(page.getByRole("row")).toHaveCount(2);
  await expect(page.getByText("by ada@example.org")).toBeVisible();
  await accessible(page);

  await page.getByRole("link", { name: "Edit" }).click();
  await page.getByLabel("It runs").selectOption("Only by hand");
  await page.getByLabel("Snapshots", { exact: true }).selectOption("Keep all");
  await page.getByRole("button", { name: "Save the plan" }).click();
  await expect(page.getByText("All snapshots are kept.")).toBeVisible();
  await expect(page.getByText("None: it runs only by hand.")).toBeVisible();

  await page.getByRole("link", { name: "Revisions" }).click();
  const row = page.getByRole("row").filter({ hasText: "Schedule" });
  await expect(row).toContainText("Every Monday and Thursday at 04:30 (Europe/Berlin)");
  await expect(row).toContainText("Only by hand");
  await accessible(page);
  await page.getByLabel("with").selectOption({ index: 1 });
  await expect(page).toHaveURL(/revisions\?to=1$/);
  await expect(page.getByText("These two are the same.")).toBeVisible();
  await page.getByRole("button", { name: "Go back to revision 1" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Go back to revision 1" }).click();
  await expect(page.getByText("Revision 3")).toBeVisible();
  expect(await server.call("GET", `/plans/${plan?.id}`)).toMatchObject({ revision: 3, retention: { daily: 14 } });

  await page.goto(`${server.url}/plans/${plan?.id}`);
  await page.getByRole("link", { name: "Clone" }).click();
  await expect(page.getByLabel("Name")).toHaveValue(`Copy of ${ODD}`);
  await page.getByRole("button", { name: "Make the plan" }).click();
  await expect(page.getByRole("heading", { name: `Copy of ${ODD}` })).toBeVisible();
  await expect(page.getByText("None: it is switched off.")).toBeVisible();
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Delete" }).click();
  await expect(page).toHaveURL(`${server.url}/plans`);
  await expect(page.getByRole("heading", { level: 2 })).toHaveCount(1);
  complaints.length = 0;
});

test("a plan that was changed meanwhile is not overwritten, and a running one is not deleted", async ({ page, server, complaints }) => {
  const plan = await server.plan("Slow", { limits: { read: 20_000 } }, 60);
  await server.open(page, `/plans/${plan.id}/edit`);
  await page.getByLabel("Name").fill("Mine");
  const { sources, destinations } = plan;
  await server.call("PUT", `/plans/${plan.id}`, { name: "Theirs", sources, destinations, limits: { read: 20_000 }, revision: 1 });
  await page.getByRole("button", { name: "Save the plan" }).click();
  await expect(page.getByText("somebody else has changed")).toBeVisible();
  await expect(page.getByLabel("Name")).toHaveValue("Mine");
  await page.getByRole("button", { name: "Load the other version" }).click();
  await expect(page.getByLabel("Name")).toHaveValue("Theirs");
  const { runs } = await server.call("POST", `/plans/${plan.id}/run`, {});
  await page.goto(`${server.url}/plans/${plan.id}`);
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Delete" }).click();
  await expect(page.getByText("is in use by backup run")).toBeVisible();
  await server.call("POST", `/runs/${(runs as string[])[0]}/cancel`);
  complaints.length = 0;
});

test("steps around a backup are an owner's: an admin's change leaves them as they are", async ({ page, server }) => {
  const hooks = { before: [{ stop_service: "mysql", timeout: "1m" }] };
  const plan = await server.plan("Letters", { hooks });
  await server.openAs("admin", page, `/plans/${plan.id}/edit`);
  await page.getByText("Around the backup").click();
  await expect(page.getByText("Only an owner of the project may change these.")).toBeVisible();
  await expect(page.getByRole("button", { name: "Add a step before" })).toHaveCount(0);
  await page.getByLabel("Name").fill("Post");
  await page.getByRole("button", { name: "Save the plan" }).click();
  await expect(page.getByRole("heading", { name: "Post", level: 1 })).toBeVisible();
  await expect(page.getByText("Stop a service mysql")).toBeVisible();
  expect(await server.call("GET", `/plans/${plan.id}`)).toMatchObject({ name: "Post", hooks });
});

test("200 plans are found by name and state, and one question tells how all of them stand", async ({ page, server }) => {
  test.setTimeout(180_000);
  const good = await server.plan("Letters");
  await server.run(good);
  await server.run(await server.planFor("Old disk", "/nowhere/at/all"));
  const { sources, destinations } = good;
  for (let number = 0; number < 198; number += 1) {
    await server.call("POST", "/plans", { name: `Plan ${number}`, sources, destinations, enabled: number % 2 === 0 });
  }
  const asked: string[] = [];
  page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  await server.open(page, "/plans");
  await expect(page.getByText("200 plans")).toBeVisible();
  await expect(page.getByRole("heading", { level: 2 })).toHaveCount(200);
  expect(asked.filter((path) => path.startsWith("/api/v1/plans/"))).toEqual([]);
  expect(asked.filter((path) => path === "/api/v1/overview").length).toBeLessThan(4);
  const rowOf = (name: string) => page.getByRole("listitem").filter({ has: page.getByRole("heading", { name, exact: true }) });
  await expect(rowOf("Letters")).toContainText("Protected");
  await expect(rowOf("Old disk")).toContainText("Failed");
  await expect(rowOf("Plan 0")).toContainText("No backup yet");
  await expect(rowOf("Plan 1")).toContainText("Switched off");
  await page.getByLabel("Search by name").fill("plan 19");
  await expect(page).toHaveURL(`${server.url}/plans?q=plan+19`);
  await expect(page.getByText("9 plans")).toBeVisible();
  await page.getByLabel("State").selectOption("Switched off");
  await expect(page.getByText("5 plans")).toBeVisible();
  await page.reload();
  await expect(page.getByText("5 plans")).toBeVisible();
  await page.goto(`${server.url}/plans?state=failing`);
  await expect(page.getByText("1 plan", { exact: true })).toBeVisible();
  await expect(page.getByRole("heading", { name: "Old disk" })).toBeVisible();
  await page.goto(`${server.url}/plans?q=nobody&state=dancing`);
  await expect(page.getByText("No plan matches")).toBeVisible();
  await page.getByRole("button", { name: "Clear the filters" }).click();
  await expect(page.getByText("200 plans")).toBeVisible();
});
