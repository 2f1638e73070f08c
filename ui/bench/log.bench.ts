// The log of a run with a hundred thousand lines: as they come, a thousand and more a second, and afterwards.

import { expect } from "@playwright/test";

import { note } from "./figures";
import { longest, scrollDown } from "./scroll";
import { bench } from "./server";
import { settled } from "./watch";

/** A command's output is kept up to 500 lines, and so is what it says of errors; so many commands are run. */
const COMMANDS = Number(process.env.BACKSTAY_BENCH_COMMANDS ?? 100);
const LINES = COMMANDS * 1000;
/** Prints a thousand lines in some half a second, in 20 parts. */
const SCRIPT = `i=0
while [ $i -lt 20 ]; do
  seq -f 'copied part %03g of the table of accounts, 4096 rows' 25
  seq -f 'part %03g of the table of accounts has rows without an owner' 25 >&2
  sleep 0.01
  i=$((i + 1))
done`;

bench("a log of a hundred thousand lines", async ({ browser, server, watched: page }, info) => {
  const command = { command: { program: "/bin/sh", arguments: ["-c", SCRIPT] }, timeout: "1m" };
  const plan = await server.plan("Tables", { hooks: { before: Array.from({ length: COMMANDS }, () => command) } });
  const log = page.getByRole("log");
  const count = page.getByRole("status").filter({ hasText: /lines?$/ });
  let id = "";
  let seconds = 0;
  await longest(info, "lines come live", 1, browser, page, async () => {
    const { runs } = await server.call("POST", `/plans/${plan.id}/run`, { kind: "backup" });
    [id = ""] = runs as string[];
    await server.open(page, `/runs/${id}`);
    await expect(log).toContainText("copied part");
    return async () => {
      await expect(page.getByText("Completed", { exact: true })).toBeVisible({ timeout: 900_000 });
      await expect(log).toContainText("saved snapshot");
    };
  });
  const run = await server.call("GET", `/runs/${id}`);
  seconds = (Date.parse(String(run.ended)) - Date.parse(String(run.started))) / 1000;
  await note(info, { what: "lines that came live in a second", unit: "", bar: "1000", values: [LINES / seconds] });
  const shown = Number((await count.textContent())?.replace(/\D/g, ""));
  await note(info, { what: `lines that are not shown, of ${LINES}`, unit: "", bar: "0", values: [Math.max(0, LINES - shown)] });

  const firsts: number[] = [];
  for (let round = 0; round < 3; round += 1) {
    await server.open(page, `/runs/${id}`);
    firsts.push(await settled(page));
  }
  await note(info, { what: `all ${LINES} lines are there`, unit: "ms", values: firsts });
  await longest(info, `a log of ${LINES} lines loaded`, 3, browser, page, async () => {
    await page.goto(`${server.url}/nodes`);
    return async () => {
      await page.getByRole("navigation").getByRole("link", { name: "Runs", exact: true }).click();
      await page.getByRole("row").nth(1).getByRole("link").click();
      await expect(log).toContainText("saved snapshot");
      await settled(page);
    };
  });
  await longest(info, `a log of ${LINES} lines scrolled`, 3, browser, page, async () => {
    await server.open(page, `/runs/${id}`);
    await settled(page);
    await log.hover();
    return async () => {
      await scrollDown(page, -LINES * 20, -6_000);
      await expect(log).toContainText("queued: asked for");
      await log.press("End");
      await log.press("PageUp");
    };
  });
  await longest(info, `a log of ${LINES} lines searched`, 3, browser, page, async () => {
    await server.open(page, `/runs/${id}`);
    await settled(page);
    return async () => {
      await page.getByLabel("Search in the log").pressSequentially("part 017", { delay: 30 });
      await settled(page);
      await page.getByLabel("Level").selectOption("warning");
      await settled(page);
      await page.getByLabel("Search in the log").fill("");
      await settled(page);
    };
  });
});
