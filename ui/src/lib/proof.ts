// When a repository was last seen to be whole.

import type { Run } from "../api/queries";

/** When a repository was last verified without a fault, of verifications in any order. */
export function verifiedAt(repository: string, verifications: readonly Run[]): string | undefined {
  return verifications
    .filter(
      ({ state, outcome, destinations }) =>
        state === "completed" &&
        (outcome?.errors ?? 0) === 0 &&
        destinations?.some((one) => one.repository === repository && one.state === "completed"),
    )
    .map(({ ended }) => ended)
    .filter((ended) => typeof ended === "string")
    .sort((one, other) => Date.parse(one) - Date.parse(other))
    .at(-1);
}
