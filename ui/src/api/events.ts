// One stream of changes for the whole tab. Where streams do not come through, the tab asks every few seconds.

import type { QueryClient } from "@tanstack/react-query";

/** How long a stream may be silent or broken before the tab asks by itself. */
const PATIENCE = 20_000;
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

/** Keeps what is shown up to date. Gives what ends it. */
export function follow(queries: QueryClient): () => void {
  const waiting = new Set<string>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let heard = Date.now();

  const ask = () => {
    timer = undefined;
    for (const key of waiting) {
      void queries.invalidateQueries({ queryKey: [key] });
    }
    waiting.clear();
  };
  const changed = (keys: readonly string[]) => {
    heard = Date.now();
    keys.forEach((key) => waiting.add(key));
    timer ??= setTimeout(ask, TOGETHER);
  };

  const stream = new EventSource("/api/v1/events");
  stream.onopen = () => changed(Object.values(KEYS).flat());
  for (const [kind, keys] of Object.entries(KEYS)) {
    stream.addEventListener(kind, () => changed(keys));
  }
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
