// What a page is watched for: when it is there, what moves in it, which frames it misses; and the tasks of its main thread.

import type { Browser, Page } from "@playwright/test";

/** As the page itself counts it. Times are in milliseconds from the begin of its load. */
type Watched = { shift: number; moved: string[]; frames: number[]; changed: number; open: number };

declare global {
  interface Window {
    backstayWatched: Watched;
  }
}

/** Has all pages of a context count for us. */
export async function watch(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const watched: Watched = { shift: 0, moved: [], frames: [], changed: 0, open: 0 };
    window.backstayWatched = watched;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries() as (PerformanceEntry & { value: number; hadRecentInput: boolean; sources?: { node: Node | null }[] })[]) {
        if (!entry.hadRecentInput) {
          watched.shift += entry.value;
          watched.moved.push(...(entry.sources ?? []).map(({ node }) => `${entry.value.toFixed(4)} ${node instanceof Element ? node.outerHTML.slice(0, 120) : (node?.nodeName ?? "")}`));
        }
      }
    }).observe({ type: "layout-shift", buffered: true });
    new MutationObserver(() => {
      watched.changed = performance.now();
    }).observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
    const original = window.fetch;
    window.fetch = async (...asked) => {
      watched.open += 1;
      try {
        return await original(...asked);
      } finally {
        watched.open -= 1;
        watched.changed = performance.now();
      }
    };
  });
}

/**
 * Waits until the page has its heading, nothing that it asked the server for is on its way, and nothing in it has changed for
 * half a second. Gives when the last change was.
 */
export async function settled(page: Page, heading = "main h1"): Promise<number> {
  await page.waitForFunction(
    (heading) => {
      const { changed, open } = window.backstayWatched;
      return document.querySelector(heading) !== null && open === 0 && performance.now() - changed > 500;
    },
    heading,
    { polling: 50, timeout: 120_000 },
  );
  return page.evaluate(() => window.backstayWatched.changed);
}

/** A task of the main thread: how long it took, how much of that it had a core, and what most of it was. */
export type Task = { wall: number; core: number; start: number; what: string };

type Event = { name: string; ph: string; ts: number; dur?: number; tdur?: number; pid: number; tid: number; args?: { name?: string } };

const CATEGORIES = ["toplevel", "devtools.timeline", "blink.user_timing", "__metadata"];

/** The tasks of the page's main thread while something is done, the longest first; and the most that one was on a core. */
export async function tasks(browser: Browser, page: Page, deed: () => Promise<void>): Promise<{ all: Task[]; core: number }> {
  await browser.startTracing(page, { categories: CATEGORIES });
  await page.evaluate(() => performance.mark("backstay"));
  await deed();
  const trace = JSON.parse((await browser.stopTracing()).toString()) as { traceEvents: Event[] };
  const events = trace.traceEvents;
  const mark = events.find(({ name }) => name === "backstay");
  const mine = events.filter((event) => event.pid === mark?.pid && event.tid === mark.tid && event.ph === "X");
  const named = mine.filter(({ name }) => !/RunTask|SimpleWatcher|MessagePipe|^Sequence/.test(name));
  const found = mine.filter(({ name, ts }) => name === "ThreadControllerImpl::RunTask" && ts >= (mark?.ts ?? 0));
  const all = found
    .toSorted((one, other) => (other.dur ?? 0) - (one.dur ?? 0))
    .slice(0, 100)
    .map(({ ts, dur = 0, tdur = 0 }, place) => {
      const within = place > 2 ? [] : named.filter((other) => other.ts >= ts && other.ts + (other.dur ?? 0) <= ts + dur);
      const longest = within.toSorted((one, other) => (other.dur ?? 0) - (one.dur ?? 0)).slice(0, 3);
      const what = longest.map(({ name, dur = 0 }) => `${name} ${(dur / 1000).toFixed(0)}`).join(", ");
      return { wall: dur / 1000, core: tdur / 1000, start: (ts - (mark?.ts ?? 0)) / 1000, what };
    });
  return { all, core: Math.max(0, ...found.map(({ tdur = 0 }) => tdur)) / 1000 };
}

/** Frames that did not come while something was done, of so many that could have. */
export async function frames(page: Page, deed: () => Promise<void>): Promise<{ missed: number; of: number; longest: number }> {
  await page.evaluate(() => {
    const gaps: number[] = [];
    window.backstayWatched.frames = gaps;
    let last = performance.now();
    const step = (now: number) => {
      gaps.push(now - last);
      last = now;
      if (window.backstayWatched.frames === gaps) {
        requestAnimationFrame(step);
      }
    };
    requestAnimationFrame(step);
  });
  await deed();
  const gaps = await page.evaluate(() => {
    const { frames } = window.backstayWatched;
    window.backstayWatched.frames = [];
    return frames;
  });
  const FRAME = 1000 / 60;
  const missed = gaps.reduce((sum, gap) => sum + Math.max(0, Math.round(gap / FRAME) - 1), 0);
  return { missed, of: Math.round(gaps.reduce((sum, gap) => sum + gap, 0) / FRAME), longest: Math.max(0, ...gaps) };
}
