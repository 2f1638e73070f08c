import { accessible, expect, test } from "./server";

const NOBODY = "00000000-0000-7000-8000-000000000000";
const LISTS = ["plans", "runs", "sources", "destinations", "connections", "nodes", "alerts", "people"] as const;

test("from the address of what is not there one comes to the list that it would be in", async ({ page, server, complaints }) => {
  await server.open(page, "/plans/xx");
  const ways = page.getByRole("main").getByRole("link");
  for (const list of LISTS) {
    for (const address of [`/${list}/xx`, `/${list}/${NOBODY}`]) {
      await page.goto(server.url + address);
      await expect(page.getByRole("heading", { level: 1 }), address).toHaveText("There is no such page.");
      await expect(page).toHaveTitle("There is no such page. · Backstay");
      await expect(ways.first()).toHaveAttribute("href", `/${list}`);
      await expect(page.getByRole("button", { name: "Try again" })).toHaveCount(0);
    }
  }
  for (const address of ["/plans/xx/edit", "/plans/xx/revisions", `/snapshots/${NOBODY}/latest`]) {
    await page.goto(server.url + address);
    await expect(ways.first(), address).toHaveAttribute("href", `/${address.split("/")[1]}`);
  }
  await page.goto(`${server.url}/plans/xx`);
  await accessible(page);
  await ways.first().click();
  await expect(page).toHaveURL(`${server.url}/plans`);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Plans");

  await page.goto(`${server.url}/nowhere`);
  await expect(ways).toHaveText("To the overview");
  // That there is no such thing is an error to the console.
  complaints.length = 0;
});
