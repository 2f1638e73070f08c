import { multiplyRuns } from "./catalog";
import { bench } from "./server";
bench("dbg", async ({ server, watched: page }) => {
  const letters = await server.plan("Letters");
  await server.run(letters);
  await server.run(await server.planFor("Old disk", "/nowhere/at/all"));
  await multiplyRuns(server, 10000);
  const asked: string[] = [];
  page.on("request", (r) => asked.push(`${r.method()} ${r.url().replace(server.url, "")}`));
  page.on("console", (m) => console.log(m.text()));
  page.on("pageerror", (m) => console.log(m.message));
  await server.open(page, "/runs");
  await page.waitForTimeout(4000);
  console.log(asked.filter((u) => u.includes("/api")).slice(0, 30).join("\n"), asked.length);
  console.log(await page.evaluate(() => JSON.stringify([document.querySelectorAll("tbody tr").length, document.body.scrollHeight, window.backstayWatched.open, performance.now() - window.backstayWatched.changed])));
  await page.screenshot({ path: "/tmp/shots-A/runs.png" });
});
