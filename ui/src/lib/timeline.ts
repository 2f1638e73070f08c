// Snapshots by what they are of, and by day.

import type { Snapshot } from "../api/snapshots";

/** Snapshots of the same paths of the same host, the newest first. */
export type Group = { key: string; host: string; paths: readonly string[]; snapshots: Snapshot[] };

export const keyOf = ({ host, paths }: Pick<Snapshot, "host" | "paths">): string => JSON.stringify([host, ...paths]);

const written = (date: Date): string => {
  const two = (value: number) => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
};

/** A day in the person's own zone, as `2026-03-01`. */
export const dayOf = (time: string): string => written(new Date(time));

/** All groups, the one with the newest snapshot first. */
export function groupsOf(snapshots: readonly Snapshot[]): Group[] {
  const groups = new Map<string, Group>();
  for (const snapshot of snapshots) {
    const key = keyOf(snapshot);
    const group = groups.get(key);
    if (group) {
      group.snapshots.push(snapshot);
    } else {
      groups.set(key, { key, host: snapshot.host, paths: snapshot.paths, snapshots: [snapshot] });
    }
  }
  return [...groups.values()];
}

/** How many snapshots each day has. */
export function countByDay(snapshots: readonly Snapshot[]): Map<string, number> {
  const days = new Map<string, number>();
  for (const { time } of snapshots) {
    const day = dayOf(time);
    days.set(day, (days.get(day) ?? 0) + 1);
  }
  return days;
}

/** No line has more days than these: a clock that was wrong once must not stretch it over decades. */
const MOST_DAYS = 3660;

/** Every day between the first and the last snapshot, without gaps, the oldest first. */
export function line(snapshots: readonly Snapshot[]): string[] {
  const [newest, oldest] = [snapshots[0], snapshots.at(-1)];
  if (!newest || !oldest) {
    return [];
  }
  const days: string[] = [];
  const first = dayOf(oldest.time);
  const date = new Date(`${dayOf(newest.time)}T12:00:00`);
  for (let day = dayOf(newest.time); days.length < MOST_DAYS && day >= first; ) {
    days.push(day);
    date.setDate(date.getDate() - 1);
    day = written(date);
  }
  return days.reverse();
}

const PLAN = /^plan:([0-9a-f-]{36})$/;
const COPY = /^copy:([0-9a-f-]{36})$/;
/** By these tags Backstay knows what follows on a backup. */
const LOG = /^log-(of|base|piece):/;

const idIn = (tags: readonly string[], pattern: RegExp): string | undefined =>
  tags.map((tag) => pattern.exec(tag)?.[1]).find((id) => id !== undefined);

/** The plan that made a snapshot, if one did. */
export const planOf = ({ tags }: Pick<Snapshot, "tags">): string | undefined => idIn(tags, PLAN);

/** The plan that has copied a snapshot to where it is, if one did. */
export const copierOf = ({ tags }: Pick<Snapshot, "tags">): string | undefined => idIn(tags, COPY);

/** Whether it is an archive: a file, whose tags stay as they are. */
export const isArchived = ({ name }: Pick<Snapshot, "name">): boolean => Boolean(name);

/** Retention never forgets a snapshot with this tag. */
export const HOLD = "hold";

export const isHeld = ({ tags }: Pick<Snapshot, "tags">): boolean => tags.includes(HOLD);

/** The tags that people gave it. */
export const ownTags = ({ tags }: Pick<Snapshot, "tags">): string[] =>
  tags.filter((tag) => tag !== HOLD && !PLAN.test(tag) && !COPY.test(tag) && !LOG.test(tag));

export type Narrow = { plan?: string; host?: string; paths?: readonly string[]; day?: string };

/** The snapshots that all parts of a filter let through. */
export function narrowed(snapshots: readonly Snapshot[], { plan, host, paths, day }: Narrow): Snapshot[] {
  return snapshots.filter(
    (snapshot) =>
      (plan === undefined || planOf(snapshot) === plan) &&
      (host === undefined || snapshot.host === host) &&
      (paths === undefined || keyOf({ ...snapshot, host: "" }) === keyOf({ host: "", paths: [...paths] })) &&
      (day === undefined || dayOf(snapshot.time) === day),
  );
}
