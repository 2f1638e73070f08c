// When somebody who does nothing is signed out.

/** So long before the end it is said, in milliseconds. */
const WARNING = 120_000;

export type IdleState = "active" | "warning" | "over";

/** How long it is said before the end; of short times, for half of them. */
export const warned = (timeout: number): number => Math.min(WARNING, timeout / 2);

/** How it stands at a moment; all in milliseconds. */
export function idleState(lastUsed: number, now: number, timeout: number): IdleState {
  const left = lastUsed + timeout - now;
  if (left <= 0) {
    return "over";
  }
  return left <= warned(timeout) ? "warning" : "active";
}

/** How often what somebody does is told to the server, so that it does not take them for gone. */
export const renewal = (timeout: number): number => Math.min(60_000, timeout / 4);
