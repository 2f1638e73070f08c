// One stream of changes for the whole tab. Where streams do not come through, the tab asks every few seconds.

import type { QueryClient, QueryState } from "@tanstack/react-query";

/** How long a stream may be silent before the tab asks by itself; the server speaks every 15 s, and at the beginning. */
const PATIENCE = 40_000;
/** How long the first word may take. */
const FIRST = 5_000;
/** How often it asks then. */
const EVERY = 8_000;
/** Changes that come together are one question. */
const TOGETHER = 150;

const KEYS: Record<string, readonly string[]> = {
  run: ["runs", "standing"],
  log: ["log"],
  node: ["nodes"],
  record: ["records", "standing"],
};

/**
 * What is being asked for the first time may have been answered before the change, and is not asked for anew meanwhile: it is once the answer is
 * there.
 */
export function askAgain(queries: QueryClient, key: string): void {
  const isFirst = ({ state }: { state: QueryState }) => state.data === undefined && state.fetchStatus === "fetching";
  for (const { promise, queryKey } of queries.getQueryCache().findAll({ queryKey: [key], predicate: isFirst })) {
    promise?.then(
      () => queries.invalidateQueries({ queryKey, exact: true }),
      () => undefined,
    );
  }
}

/** Keeps what is shown up to date. Gives what ends it. */
export function follow(queries: QueryClient): () => void {
  const waiting = new Set<string>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let heard = Date.now() - PATIENCE + FIRST;

  const ask = () => {
    timer = undefined;
    for (const key of waiting) {
      askAgain(queries, key);
      void queries.invalidateQueries({ queryKey: [key] });
    }
    waiting.clear();
  };
  const hear = () => {
    heard = Date.now();
  };
  const changed = (keys: readonly string[]) => {
    keys.forEach((key) => waiting.add(key));
    timer ??= setTimeout(ask, TOGETHER);
  };

  const stream = new EventSource("/api/v1/events");
  stream.onopen = () => changed(Object.values(KEYS).flat());
  for (const [kind, keys] of Object.entries(KEYS)) {
    stream.addEventListener(kind, () => changed(keys));
    stream.addEventListener(kind, hear);
  }
  stream.addEventListener("alive", hear);
  stream.addEventListener("reload", () => changed(Object.values(KEYS).flat()));

  const polling = setInterval(() => {
    const silent = stream.readyState !== EventSource.OPEN || Date.now() - heard > PATIENCE;
    if (silent && document.visibilityState === "visible") {
      void queries.invalidateQueries();
    }
  }, EVERY);
  return () => {
    stream.close();
    clearInterval(polling);
    clearTimeout(timer);
  };
}
