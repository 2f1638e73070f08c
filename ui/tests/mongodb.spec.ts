import { given } from "./peers";
import { accessible, expect, test, type Json } from "./server";
import { expectNoSidewaysScroll } from "./walk";

const NAME = "Orders <b>of</b> 店";

test("a server of MongoDB is backed up, browsed, and restored under another name", async ({ page, server, complaints }) => {
  const uri = given("MONGODB_URI");
  test.skip(uri === "", "there is no server of MongoDB's protocol here");
  test.setTimeout(180_000);

  // The connection is made along with the source.
  await server.open(page, "/sources/new");
  await page.getByRole("radio", { name: "MongoDB" }).check();
  await page.getByRole("textbox", { name: "Name", exact: true }).fill(NAME);
  await page.getByLabel("Name of the connection").fill("Shop");
  await page.getByLabel("Address", { exact: true }).fill(uri.replace("//", "//bob:word@"));
  await page.getByLabel("Databases and collections").fill("shop\n.orders");
  await page.getByRole("button", { name: "Try it and save" }).click();
  await expect(page.getByText("without a user or a password")).toBeVisible();
  await page.getByLabel("Address", { exact: true }).fill(uri);
  await page.getByRole("button", { name: "Try it and save" }).click();
  await expect(page.getByText("Name a database or a collection")).toBeVisible();
  await page.getByLabel("Databases and collections").fill("shop");
  await page.getByLabel("Left out").fill("shop.carts");
  // A server of this host is not reached unless an owner says so.
  await page.getByRole("button", { name: "Try it and save" }).click();
  await expect(page.getByRole("alert").first()).toContainText(/private|this host/);
  await accessible(page);
  await page.getByLabel("Let it reach this host").check();
  await page.getByRole("button", { name: "Try it and save" }).click();
  await expect(page).toHaveURL(`${server.url}/sources`);
  const [way] = (await server.items("/connections")).filter(({ name }) => name === "Shop");
  const [source] = await server.items("/sources");
  expect(source?.spec).toMatchObject({ type: "mongodb", connection: way?.id, include: ["shop"], exclude: ["shop.carts"] });
  await page.getByRole("link", { name: NAME }).click();
  await expect(page.locator("dl").first()).toContainText("shop.carts");
  await accessible(page);

  const [destination] = await server.items("/destinations");
  const plan = await server.call("POST", "/plans", { name: "Shop", sources: [source?.id], destinations: [destination?.id] });
  const backup = await server.run(plan);
  expect(backup.state).toBe("completed");
  const [made] = backup.destinations as Json[];
  await page.goto(`${server.url}/snapshots/${made?.repository}/${made?.snapshot}`);
  const grid = page.getByRole("grid");
  await grid.getByText("shop", { exact: true }).dblclick();
  await expect(grid.getByText("orders.bson", { exact: true })).toBeVisible();
  await expect(grid.getByText("carts.bson", { exact: true })).toHaveCount(0);

  // What came of a server goes back to it unless something else is chosen.
  await page.getByRole("link", { name: "Restore everything" }).click();
  await expect(page.getByRole("radio", { name: "A server of MongoDB" })).toBeChecked();
  await expect(page.getByLabel("Connection to the server")).toHaveValue(String(way?.id));
  await accessible(page);
  for (const width of [360, 1280]) {
    await page.setViewportSize({ width, height: 800 });
    await expectNoSidewaysScroll(page);
  }
  await page.getByRole("button", { name: "Restore now" }).click();
  await expect(page).toHaveURL(/\/runs\/[0-9a-f-]{36}$/);
  // All of it is there already, and nobody said that it may be replaced.
  await expect(page.getByText("Failed", { exact: true }).first()).toBeVisible({ timeout: 60_000 });
  await expect(page.getByText(/orders.* is there already/).first()).toBeVisible();
  await accessible(page);

  await page.getByRole("link", { name: "Restore again" }).click();
  await page.getByLabel("New names").fill("shop = back.orders");
  await expect(page.getByRole("alert")).toContainText("Write each line as");
  await expect(page.getByRole("button", { name: "Restore now" })).toBeDisabled();
  await page.getByLabel("New names").fill("shop = back");
  await page.getByLabel("Only these databases and collections").fill("shop");
  await page.getByRole("button", { name: "Restore now" }).click();
  await expect(page.getByText("Completed", { exact: true }).first()).toBeVisible({ timeout: 60_000 });
  const facts = page.locator("dl").filter({ hasText: "Collections restored" });
  await expect(facts).toContainText("Documents300");
  await accessible(page);
  complaints.length = 0;
});
