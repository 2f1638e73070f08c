import { accessible, expect, test } from "./server";

const HOUR = 3600_000;
const status = async (url: string, cookie: string) => (await fetch(`${url}/api/v1/me`, { headers: { cookie } })).status;

test("who does nothing is asked, stays if they say so, and is signed out otherwise", async ({ page, server, complaints }) => {
  await page.clock.install();
  await server.open(page, "/runs");
  await expect(page.getByText("No runs yet")).toBeVisible();
  const [cookie] = (await page.context().cookies()).map(({ name, value }) => `${name}=${value}`);
  const asked = page.getByRole("alertdialog", { name: "Are you still there?" });
  await page.clock.fastForward(12 * HOUR - 100_000);
  await expect(asked).toContainText("You will be signed out in 1 min");
  await page.clock.resume();
  await accessible(page);
  await page.mouse.move(10, 10);
  await page.mouse.move(50, 50);
  await expect(asked).toBeVisible();
  await asked.getByRole("button", { name: "Stay signed in" }).click();
  await expect(asked).toHaveCount(0);
  expect(await status(server.url, cookie ?? "")).toBe(200);

  await page.clock.fastForward(12 * HOUR);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("You were signed out");
  await expect(page.getByText("Nothing was done here for 12 h 00 min.")).toBeVisible();
  await expect(page.getByText("No runs yet")).toHaveCount(0);
  await expect(page.getByRole("link", { name: "Sign in" })).toHaveAttribute("href", "/sign-in?next=%2Fruns");
  await accessible(page);
  await expect.poll(() => status(server.url, cookie ?? "")).toBe(401);
  // What was under way when the session ended may be refused, which the console says.
  complaints.length = 0;
});

test("what is entered outlives being signed out for doing nothing", async ({ page, server, complaints }) => {
  await page.clock.install();
  await server.open(page, "/me/profile");
  await page.getByLabel("Name", { exact: true }).fill("Ada King");
  await page.clock.fastForward(12 * HOUR);
  await expect(page.getByRole("alertdialog", { name: "You were signed out" })).toBeVisible();
  await page.getByRole("button", { name: "Back to the form" }).click();
  await expect(page.getByLabel("Name", { exact: true })).toHaveValue("Ada King");
  complaints.length = 0;
});

test("one project is looked at on all pages, until it is all of them again", async ({ page, server, complaints }) => {
  await server.run(await server.plan("Letters"));
  const office = await server.call("POST", "/projects", { name: "مكتب <Office>" });
  await server.open(page, "/plans");
  await expect(page.getByRole("heading", { name: "Letters" })).toBeVisible();
  await page.getByLabel("Project").selectOption({ label: "مكتب <Office>" });
  await expect(page).toHaveURL(`${server.url}/plans?project=${office.id}`);
  await expect(page.getByText("No plans yet")).toBeVisible();
  await accessible(page);
  await page.getByRole("link", { name: "Runs" }).click();
  await expect(page).toHaveURL(`${server.url}/runs?project=${office.id}`);
  await expect(page.getByText("No runs yet")).toBeVisible();
  await page.reload();
  await expect(page.getByLabel("Project")).toHaveValue(office.id);
  await page.getByRole("link", { name: "Overview" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Nothing is protected yet");
  await expect(page.getByText("Letters")).toHaveCount(0);
  await page.getByLabel("Project").selectOption("");
  await expect(page).toHaveURL(`${server.url}/`);
  await expect(page.getByText("Letters").first()).toBeVisible();
  await page.goto(`${server.url}/runs?project=00000000-0000-7000-8000-000000000000`);
  await expect(page).toHaveURL(`${server.url}/runs`);
  await expect(page.getByRole("row")).toHaveCount(2);
  // What is asked for of a project that nobody knows is refused, and that is an error to the console.
  complaints.length = 0;
});
