// What an administrator has to see to, from what the server knows.

import type { Connection, Node, Plan, Run } from "../api/queries";

export type Concern =
  | { what: "failed"; plan: Plan; run: Run }
  | { what: "incomplete"; plan: Plan; run: Run; errors: number }
  | { what: "never"; plan: Plan }
  | { what: "connection"; connection: Connection }
  | { what: "trouble"; node: Node; text: string }
  | { what: "silent"; node: Node };

/** A node is silent after this time; it speaks each half minute. */
const SILENT_AFTER = 5 * 60_000;
/** A new plan may take this long to make its first backup. */
const NEW_FOR = 24 * 3600_000;

/** The last backup of a plan that came to an end by itself, of runs that are sorted by time, the newest first. */
export const lastOf = (plan: Plan, runs: readonly Run[]): Run | undefined =>
  runs.find((run) => run.plan?.id === plan.id && (run.state === "completed" || run.state === "failed"));

/** All that needs somebody, the gravest first. */
export function concerns(
  plans: readonly Plan[],
  runs: readonly Run[],
  connections: readonly Connection[],
  nodes: readonly Node[],
  now: number,
): Concern[] {
  const found: Concern[] = [];
  for (const plan of plans.filter((plan) => plan.enabled !== false)) {
    const run = lastOf(plan, runs);
    const errors = run?.outcome?.errors ?? 0;
    if (run?.state === "failed") {
      found.push({ what: "failed", plan, run });
    } else if (run && errors > 0) {
      found.push({ what: "incomplete", plan, run, errors });
    } else if (run === undefined && now - Date.parse(plan.created) > NEW_FOR) {
      found.push({ what: "never", plan });
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

export type Day = { day: string; good: number; bad: number };

/** Backups that ended on each of the last days, the oldest day first, in the person's own zone. */
export function strip(runs: readonly Run[], days: number, now: number): Day[] {
  const dayOf = (time: number) => new Date(time).toLocaleDateString("sv");
  const found = new Map<string, Day>();
  for (let back = days - 1; back >= 0; back -= 1) {
    const date = new Date(now);
    date.setDate(date.getDate() - back);
    const day = dayOf(date.getTime());
    found.set(day, { day, good: 0, bad: 0 });
  }
  for (const run of runs) {
    const day = run.ended ? found.get(dayOf(Date.parse(run.ended))) : undefined;
    if (day && run.state === "completed") {
      day.good += 1;
    } else if (day && run.state === "failed") {
      day.bad += 1;
    }
  }
  return [...found.values()];
}
