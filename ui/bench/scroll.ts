// Scrolls as people do, and notes what that costs.

import type { Browser, Page, TestInfo } from "@playwright/test";

import { note } from "./figures";
import { frames, tasks, type Task } from "./watch";

/** Turns the wheel where the mouse is, so many pixels in all, some at each frame. */
export async function scrollDown(page: Page, pixels: number, step: number): Promise<void> {
  for (let done = 0; Math.abs(done) < Math.abs(pixels); done += step) {
    await page.mouse.wheel(0, step);
    await page.evaluate(() => new Promise(requestAnimationFrame));
  }
}

/** Does something some times, and notes the longest task of each time and the frames that were missed. */
export async function longest(
  info: TestInfo,
  what: string,
  rounds: number,
  browser: Browser,
  page: Page,
  prepare: () => Promise<() => Promise<void>>,
): Promise<void> {
  const wall: number[] = [];
  const core: number[] = [];
  const over: number[] = [];
  const missed: number[] = [];
  let worst: Task | undefined;
  for (let round = 0; round < rounds; round += 1) {
    const deed = await prepare();
    let done: Awaited<ReturnType<typeof tasks>> | undefined;
    const seen = await frames(page, async () => {
      done = await tasks(browser, page, deed);
    });
    const { all, core: most } = done ?? { all: [], core: 0 };
    wall.push(all[0]?.wall ?? 0);
    core.push(most);
    worst = [all[0], worst].filter((task) => task !== undefined).toSorted((one, other) => other.wall - one.wall)[0];
    over.push(all.filter(({ wall }) => wall > 50).length);
    missed.push((100 * seen.missed) / Math.max(1, seen.of));
  }
  const more = { worst };
  await note(info, { what: `longest task: ${what}`, unit: "ms", bar: "50", values: wall, more });
  await note(info, { what: `most of a core for one task: ${what}`, unit: "ms", values: core });
  await note(info, { what: `tasks over 50 ms: ${what}`, unit: "", bar: "0", values: over });
  await note(info, { what: `frames missed: ${what}`, unit: "%", values: missed });
}
