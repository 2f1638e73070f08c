// A list of a million runs: what the server takes for a page of it, and whether the browser keeps up.

import { expect } from "@playwright/test";

import { multiplyRuns } from "./catalog";
import { note } from "./figures";
import { longest, scrollDown } from "./scroll";
import { bench } from "./server";
import { settled } from "./watch";

const RUNS = Number(process.env.BACKSTAY_BENCH_RUNS ?? 1_000_000);
const ROUNDS = 3;

bench("a million runs", async ({ browser, server, watched: page }, info) => {
  const letters = await server.plan("Letters");
  await server.run(letters);
  await server.run(await server.planFor("Books", server.folder));
  await server.run(await server.planFor("Old disk", "/nowhere/at/all"));
  await multiplyRuns(server, RUNS);

  for (const [name, query] of [["all", ""], ["failed", "&state=failed"], ["of a plan", `&plan=${letters.id}`]]) {
    const times: number[] = [];
    let cursor = "";
    for (let round = 0; round < 50; round += 1) {
      const begun = performance.now();
      const answer = await server.call("GET", `/runs?limit=50${query}${cursor}`);
      times.push(performance.now() - begun);
      cursor = `&cursor=${String(answer.next)}`;
    }
    await note(info, { what: `the server's page of 50 runs: ${name}`, unit: "ms", values: times });
  }

  const firsts: number[] = [];
  for (let round = 0; round < 5; round += 1) {
    await server.open(page, "/runs");
    firsts.push(await settled(page));
  }
  await note(info, { what: "all is there and can be used: runs, of a million", unit: "ms", bar: "1000", values: firsts });
  await expect(page.getByRole("definition").first()).toHaveText(/\d{3},\d{3}/);

  // Page after page, each scrolled to its end.
  const further = async () => {
    await scrollDown(page, 4_000, 400);
    const before = page.url();
    await page.getByRole("link", { name: "Older" }).click();
    await expect(page).not.toHaveURL(before);
    await settled(page);
  };
  await longest(info, `runs gone through page by page, of ${RUNS}`, ROUNDS, browser, page, async () => {
    await server.open(page, "/runs");
    await settled(page);
    return async () => {
      for (let count = 0; count < 15; count += 1) {
        await further();
      }
    };
  });

  await longest(info, `runs filtered, of ${RUNS}`, ROUNDS, browser, page, async () => {
    await server.open(page, "/runs");
    await settled(page);
    return async () => {
      for (const state of ["failed", "completed", ""]) {
        await page.getByLabel("State").selectOption(state);
        await settled(page);
        await scrollDown(page, 4_000, 400);
      }
      await page.getByLabel("Plan").selectOption("Letters");
      await settled(page);
    };
  });

  // Runs go on while somebody reads further down.
  await longest(info, "runs come in below which somebody reads", 1, browser, page, async () => {
    await server.open(page, "/runs");
    await settled(page);
    await scrollDown(page, 1_500, 400);
    return async () => {
      for (let round = 0; round < 3; round += 1) {
        await server.run(letters);
      }
    };
  });
});
