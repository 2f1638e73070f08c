import { accessible, expect, test } from "./server";

test("a plan says which of its destinations cuts what is read apart", async ({ page, server, complaints }) => {
  test.setTimeout(180_000);
  const letters = await server.plan("Letters", {});
  const [first] = await server.items("/destinations");
  const second = await server.call("POST", "/destinations", { name: "Off site", connection: first?.connection, path: "off-site" });
  // Each repository is made alone, so neither knows where the other one cuts.
  const alone = { sources: letters.sources, destinations: [second.id], name: "Alone" };
  for (const plan of [letters, await server.call("POST", "/plans", alone)]) {
    expect((await server.run(plan)).state).toBe("completed");
  }
  const both = { sources: letters.sources, destinations: [first?.id, second.id], name: "Both" };
  const plan = await server.call("POST", "/plans", both);
  await server.open(page, `/plans/${plan.id}`);
  const note = page.getByText("cuts files elsewhere than that of Local repository");
  await expect(page.getByRole("link", { name: "Off site" })).toBeVisible();
  await expect(note).toHaveCount(0);
  const run = await server.run(plan);
  expect(run.state).toBe("completed");
  await expect(note).toBeVisible();
  await accessible(page);
  await page.goto(`${server.url}/runs/${run.id}`);
  await expect(note).toBeVisible();
  complaints.length = 0;
});
