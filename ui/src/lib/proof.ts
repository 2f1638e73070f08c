// When the backups of a plan were last proved, and which plan is overdue.

import type { Plan, Run } from "../api/queries";

/** How late a backup may be before its plan is overdue. */
const GRACE = 3600_000;

const reached = (run: Run) =>
  run.state === "completed" && (run.outcome?.errors ?? 0) === 0 && run.restore?.dry_run !== true
    ? (run.destinations ?? []).filter(({ state }) => state === "completed")
    : [];

const latest = (times: readonly (string | null | undefined)[]): string | undefined =>
  times.filter((time) => typeof time === "string").sort((one, other) => Date.parse(one) - Date.parse(other)).at(-1);

/** When a repository was last verified without a fault. */
export function verifiedAt(repository: string, verifications: readonly Run[]): string | undefined {
  return latest(
    verifications.filter((run) => reached(run).some((one) => one.repository === repository)).map(({ ended }) => ended),
  );
}

/**
 * When it was last shown that a plan's backups can be read: the last time that it verified them itself (`lastVerify`), that one of
 * its repositories was verified, or that one of its snapshots was restored.
 */
export function provenAt(
  plan: Plan,
  backups: readonly Run[],
  verifications: readonly Run[],
  restores: readonly Run[],
  lastVerify?: string | null,
): string | undefined {
  const own = backups.filter((run) => run.plan?.id === plan.id).flatMap((run) => run.destinations ?? []);
  const repositories = new Set(own.map(({ repository }) => repository));
  const snapshots = new Set(own.flatMap(({ snapshot }) => (snapshot ? [snapshot] : [])));
  return latest([
    lastVerify,
    ...[...repositories].map((repository) => verifiedAt(repository, verifications)),
    ...restores.filter((run) => reached(run).some(({ snapshot }) => snapshots.has(snapshot ?? ""))).map(({ ended }) => ended),
  ]);
}

/**
 * Since when a plan is overdue at the least, if it is. `next` are the moments at which it is due from now on: the one before them
 * lies no further back than the longest gap between them.
 */
export function overdueSince(plan: Plan, next: readonly string[], lastSuccess: string | null | undefined, now: number): number | undefined {
  const times = next.map((time) => Date.parse(time));
  const [first] = times;
  if (plan.enabled === false || first === undefined || times.length < 2) {
    return undefined;
  }
  const gap = Math.max(...times.slice(1).map((time, place) => time - (times[place] ?? time)));
  const due = first - gap;
  const last = lastSuccess ? Date.parse(lastSuccess) : -Infinity;
  // It was never due before it was made, or became what it is.
  const isNew = Date.parse(plan.changed) > due;
  return due + GRACE < now && last < due && !isNew ? due : undefined;
}
