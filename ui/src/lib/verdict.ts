// What an administrator has to see to, from what the server knows.

import type { Connection, KitState, Node, Overview, Plan } from "../api/queries";

export type PlanStanding = Overview["plans"][number];
export type StorageStanding = Overview["storage"][number];
export type Fault = PlanStanding["faults"][number];

type Named = { id: string; name: string };

export type Concern =
  | { what: "damaged"; plan: Named; fault: Fault }
  | { what: "failed"; plan: Named; run: string }
  | { what: "incomplete"; plan: Named; run: string; errors: number }
  | { what: "overdue"; plan: Named; since: string }
  | { what: "never"; plan: Named }
  | { what: "kit"; isStale: boolean }
  | { what: "full"; storage: StorageStanding; time: string }
  | { what: "connection"; connection: Connection }
  | { what: "trouble"; node: Node; text: string }
  | { what: "silent"; node: Node };

const DAY = 24 * 3600_000;
/** A node is silent after this time; it speaks each half minute. */
const SILENT_AFTER = 5 * 60_000;
/** A new plan may take this long to make its first backup. */
const NEW_FOR = DAY;
/** A place that is full within this time needs somebody. */
const FULL_SOON = 14 * DAY;

/** When a place is full, where that is soon. */
export const fullSoon = ({ full }: Pick<StorageStanding, "full">, now: number): string | undefined =>
  full && Date.parse(full) - now < FULL_SOON ? full : undefined;

/** What is wrong with the places that a plan stores to: no backup that completes makes up for it. */
export const faultsOf = ({ plan, faults }: PlanStanding): Concern[] => faults.map((fault) => ({ what: "damaged", plan, fault }));

/** What there is to see to in a plan's backups: the gravest of it. */
function concernOf(standing: PlanStanding, created: string | undefined, now: number): Concern | undefined {
  const { plan, sources } = standing;
  const failed = sources.find((source) => source.failed && source.run);
  if (failed?.run) {
    return { what: "failed", plan, run: failed.run };
  }
  if (standing.overdue_since) {
    return { what: "overdue", plan, since: standing.overdue_since };
  }
  const partly = sources.filter((source) => source.errors > 0 && source.run);
  if (partly[0]?.run) {
    return { what: "incomplete", plan, run: partly[0].run, errors: partly.reduce((sum, { errors }) => sum + errors, 0) };
  }
  const isNew = created !== undefined && now - Date.parse(created) <= NEW_FOR;
  return !isNew && sources.some(({ last_good }) => !last_good) ? { what: "never", plan } : undefined;
}

type Standings = Pick<Overview, "plans" | "storage">;

/** Whether the recovery kits open all backups that there are: one thing to see to, for however many projects. */
function kitConcern({ plans, storage }: Standings, kits: readonly KitState[]): Concern | undefined {
  const kept = new Set([
    ...plans.filter(({ sources }) => sources.some(({ last_good }) => last_good)).map(({ project }) => project),
    ...storage.filter(({ stored }) => stored > 0).map(({ project }) => project),
  ]);
  const due = kits.filter(({ project, stale }) => stale && kept.has(project));
  return due.length === 0 ? undefined : { what: "kit", isStale: due.every(({ issued }) => issued) };
}

/** All that needs somebody: plans first, then the recovery kit, places that fill up, and what is needed for both. */
export function concerns(
  overview: Standings,
  plans: readonly Plan[],
  connections: readonly Connection[],
  nodes: readonly Node[],
  kits: readonly KitState[],
  now: number,
): Concern[] {
  const { plans: standings, storage } = overview;
  const created = new Map(plans.map((plan) => [plan.id, plan.created]));
  const found: Concern[] = standings
    .filter(({ enabled }) => enabled)
    .flatMap((standing) => [...faultsOf(standing), concernOf(standing, created.get(standing.plan.id), now)])
    .filter((concern) => concern !== undefined);
  const kit = kitConcern(overview, kits);
  if (kit !== undefined) {
    found.push(kit);
  }
  for (const place of storage) {
    const time = fullSoon(place, now);
    if (time !== undefined) {
      found.push({ what: "full", storage: place, time });
    }
  }
  for (const connection of connections) {
    if (connection.status.health === "failing") {
      found.push({ what: "connection", connection });
    }
  }
  for (const node of nodes.filter((node) => !node.revoked)) {
    if (node.trouble) {
      found.push({ what: "trouble", node, text: node.trouble });
    } else if (node.last_seen && now - Date.parse(node.last_seen) > SILENT_AFTER) {
      found.push({ what: "silent", node });
    }
  }
  return found;
}

export type Health = "good" | "failed" | "partly" | "overdue" | "never" | "off";

/** Whether the last backup of one of a plan's sources failed, or what it has stored is not to be relied on. */
export const isFailing = ({ sources, faults }: PlanStanding): boolean =>
  faults.length > 0 || sources.some(({ failed, run }) => failed && run);

/** How a plan stands, in one word: the gravest of it. */
export function healthOf(standing: PlanStanding): Health {
  const { enabled, sources, overdue_since } = standing;
  if (!enabled) {
    return "off";
  }
  if (isFailing(standing)) {
    return "failed";
  }
  if (overdue_since) {
    return "overdue";
  }
  if (sources.some(({ errors, run }) => errors > 0 && run)) {
    return "partly";
  }
  return sources.some(({ last_good }) => !last_good) ? "never" : "good";
}

const latest = (times: readonly (string | null | undefined)[]): string | undefined =>
  times.filter((time) => typeof time === "string").sort((one, other) => Date.parse(one) - Date.parse(other)).at(-1);

/** When a backup of a plan last completed. */
export const lastGood = ({ sources }: PlanStanding): string | undefined => latest(sources.map(({ last_good }) => last_good));

/** When it was last shown that a plan's backups can be read, and how. */
export function proven({ verified, restored }: Pick<PlanStanding, "verified" | "restored">): { time: string; by: "verified" | "restored" } | undefined {
  const time = latest([verified, restored]);
  return time === undefined ? undefined : { time, by: time === restored ? "restored" : "verified" };
}

/** The next time that any plan is due. */
export const nextDue = (plans: readonly PlanStanding[]): string | undefined =>
  plans
    .map(({ next }) => next)
    .filter((time) => typeof time === "string")
    .sort((one, other) => Date.parse(one) - Date.parse(other))[0];

type Tally = { good: number; all: number };

/** How many of the backups of these days came to a good end. */
export function tallyOf(plans: readonly PlanStanding[]): Tally {
  const days = plans.flatMap((plan) => plan.days);
  const good = days.reduce((sum, day) => sum + day.completed, 0);
  return { good, all: days.reduce((sum, day) => sum + day.with_errors + day.failed, good) };
}

export type Day = { day: string; good: number; bad: number; partly?: number };

/** What became of a plan's backups, day by day; the days are those of the server. */
export const stripOf = ({ days }: PlanStanding, dates: readonly string[]): Day[] =>
  days.map(({ completed, with_errors, failed, missed }, place) => ({
    day: dates[place]?.slice(0, 10) ?? "",
    good: completed,
    partly: with_errors,
    bad: failed + missed,
  }));
