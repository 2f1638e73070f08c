import { useSyncExternalStore } from "react";

import { moment, relative } from "../lib/format";
import { useSpeech } from "../texts";

const EVERY = 15_000;
let now = Date.now();
const listeners = new Set<() => void>();
let ticking: ReturnType<typeof setInterval> | undefined;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  ticking ??= setInterval(() => {
    now = Date.now();
    listeners.forEach((tell) => tell());
  }, EVERY);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(ticking);
      ticking = undefined;
    }
  };
}

/** The present, a few times a minute. It stands still in between, also where nobody has listened for long. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => Math.max(now, Math.floor(Date.now() / EVERY) * EVERY));
}

/** A moment as people say it; the whole of it on demand. */
export function When({ time }: { time: string | null | undefined }) {
  const { language, texts } = useSpeech();
  const present = useNow();
  if (!time) {
    return <>{texts.time.never}</>;
  }
  return (
    <time dateTime={time} title={moment(time, language)} className="whitespace-nowrap">
      {relative(time, present, language, texts.time.now)}
    </time>
  );
}
