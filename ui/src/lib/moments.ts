// The moments that one can go back to.

import type { Schemas } from "../api/client";

type Log = Schemas["FollowedLog"];
/** Any moment from one to another. */
export type Window = Schemas["Moments"];

/** Those that a destination keeps; nothing where no log is kept there. */
export function windowsOf(logs: readonly Log[], destination: string): readonly Window[] | undefined {
  const there = logs.filter((log) => log.destination.id === destination);
  return there.length === 0 ? undefined : there.flatMap(({ moments }) => moments).sort((a, b) => Date.parse(a.from) - Date.parse(b.from));
}

/** Whether a moment is one of them, to the second. */
export const isWithin = (windows: readonly Window[], moment: string): boolean =>
  windows.some(({ from, until }) => Date.parse(from) <= Date.parse(moment) && Date.parse(moment) <= Date.parse(until));
