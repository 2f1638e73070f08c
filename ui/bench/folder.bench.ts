// A folder of a hundred thousand files: in a snapshot, and on a host where one chooses what is backed up.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { expect } from "@playwright/test";

import { longest, scrollDown } from "./scroll";
import { bench } from "./server";
import { settled } from "./watch";

const FILES = Number(process.env.BACKSTAY_BENCH_FILES ?? 100_000);
const ROUNDS = 3;
/** Pixels at a turn of the wheel: from the top of the folder to its end in 300 frames. */
const STEP = 12_000;

bench("a folder of a hundred thousand files", async ({ browser, server, watched: page }, info) => {
  const folder = join(server.folder, "many");
  mkdirSync(folder);
  for (let number = 0; number < FILES; number += 1) {
    writeFileSync(join(folder, `letter ${String(number).padStart(6, "0")}.txt`), `letter ${number}\n`);
  }
  const plan = await server.planFor("Many", folder);
  const { runs } = await server.call("POST", `/plans/${plan.id}/run`, { kind: "backup" });
  const [run] = runs as string[];
  await expect.poll(async () => (await server.call("GET", `/runs/${run}`)).state, { timeout: 600_000 }).toBe("completed");
  const [repository] = await server.items("/repositories");

  const grid = page.getByRole("grid");
  const inSnapshot = async () => {
    await server.open(page, `/snapshots/${repository?.id}/latest?path=${encodeURIComponent(folder)}`);
    await settled(page);
    await grid.hover();
  };
  await longest(info, `a snapshot's folder of ${FILES} scrolled by the wheel`, ROUNDS, browser, page, async () => {
    await inSnapshot();
    return async () => {
      await scrollDown(page, FILES * 36, STEP);
      await expect(grid).toContainText(`letter ${String(FILES - 1).padStart(6, "0")}`);
    };
  });
  await longest(info, `a snapshot's folder of ${FILES}, by keys and sorted`, ROUNDS, browser, page, async () => {
    await inSnapshot();
    return async () => {
      await grid.focus();
      for (const [key, seen] of [["End", FILES - 1], ["Home", 0], ["End", FILES - 1]] as const) {
        await page.keyboard.press(key);
        await expect(grid).toContainText(`letter ${String(seen).padStart(6, "0")}`);
      }
      await grid.getByRole("button", { name: "Size" }).click();
      await settled(page);
    };
  });

  const tree = page.getByRole("tree");
  const [source] = await server.items("/sources");
  // What is chosen is the folder itself, which is in sight; the tree of the form goes on below it.
  const onHost = async () => {
    await server.open(page, `/sources/${source?.id}`);
    await settled(page);
    await tree.scrollIntoViewIfNeeded();
    await tree.getByRole("treeitem", { name: "many", exact: true }).click();
  };
  await longest(info, `a host's folder of ${FILES} opened`, ROUNDS, browser, page, async () => {
    await onHost();
    return async () => {
      await tree.focus();
      await page.keyboard.press("ArrowRight");
      await expect(tree).toContainText("letter 000000.txt", { timeout: 60_000 });
    };
  });
  const opened = async () => {
    await onHost();
    await tree.focus();
    await page.keyboard.press("ArrowRight");
    await expect(tree).toContainText("letter 000000.txt", { timeout: 60_000 });
    await tree.hover();
  };
  await longest(info, `a host's folder of ${FILES} scrolled by the wheel`, ROUNDS, browser, page, async () => {
    await opened();
    return async () => {
      await scrollDown(page, FILES * 32, STEP);
    };
  });
  await longest(info, `a host's folder of ${FILES}, by keys and by typing`, ROUNDS, browser, page, async () => {
    await opened();
    return async () => {
      await page.keyboard.press("End");
      await page.keyboard.press("Home");
      await page.keyboard.type(`many`);
      await page.waitForTimeout(1000);
      await page.keyboard.type(`letter ${String(FILES - 1).padStart(6, "0")}`);
      await expect(tree).toContainText(`letter ${String(FILES - 1).padStart(6, "0")}`);
      for (let count = 0; count < 20; count += 1) {
        await page.keyboard.press("ArrowUp");
      }
    };
  });
});
