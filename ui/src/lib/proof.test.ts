import { expect, it } from "vitest";

import type { Plan, Run } from "../api/queries";
import { overdueSince, provenAt, verifiedAt } from "./proof";

const plan = {
  id: "p",
  project: "x",
  name: "Letters",
  sources: [],
  destinations: [],
  created: "2026-01-01T00:00:00Z",
  changed: "2026-01-01T00:00:00Z",
  revision: 1,
} satisfies Plan;

function run(kind: Run["kind"], ended: string, snapshot: string, more: Partial<Run> = {}): Run {
  const destination = { id: "d", name: "Disk", repository: "r", state: "completed" as const, snapshot, bytes_added: 0 };
  return {
    id: ended,
    project: "x",
    node: "n",
    kind,
    trigger: "manual",
    state: "completed",
    attempt: 1,
    created: ended,
    ended,
    revision: 1,
    destinations: [destination],
    ...more,
  };
}

const backup = run("backup", "2026-03-01T00:00:00Z", "s1", { plan: { id: "p", name: "Letters" } });
const verify = run("verify", "2026-03-02T00:00:00Z", "");
const restore = run("restore", "2026-03-03T00:00:00Z", "s1");

it("a plan is proved by the last verification of its repository, or restore of its snapshots", () => {
  expect(provenAt(plan, [backup], [], [])).toBeUndefined();
  expect(provenAt(plan, [backup], [], [], "2026-02-01T00:00:00Z")).toBe("2026-02-01T00:00:00Z");
  expect(provenAt(plan, [backup], [verify], [], "2026-02-01T00:00:00Z")).toBe(verify.ended);
  expect(provenAt(plan, [backup], [verify], [restore])).toBe(restore.ended);
});

it("what proves nothing does not count", () => {
  const dry = { ...restore, restore: { snapshot: "s1", target: "/", dry_run: true } };
  expect(provenAt(plan, [backup], [], [dry, run("restore", "2026-03-04T00:00:00Z", "of another plan")])).toBeUndefined();
  expect(verifiedAt("r", [{ ...verify, state: "failed" }, { ...verify, outcome: { errors: 1 } } as Run])).toBeUndefined();
  expect(verifiedAt("other", [verify])).toBeUndefined();
});

const days = ["2026-03-11T03:00:00Z", "2026-03-12T03:00:00Z", "2026-03-13T03:00:00Z"];
const now = Date.parse("2026-03-10T12:00:00Z");

it("a plan is overdue when its time passed without a backup", () => {
  expect(overdueSince(plan, days, "2026-03-10T03:10:00Z", now)).toBeUndefined();
  expect(overdueSince(plan, days, "2026-03-09T03:10:00Z", now)).toBe(Date.parse("2026-03-10T03:00:00Z"));
  expect(overdueSince(plan, days, undefined, now)).toBe(Date.parse("2026-03-10T03:00:00Z"));
});

it("no plan is overdue within the hour, before it was there, when it is off, or when the longest gap is not over", () => {
  expect(overdueSince(plan, days, undefined, Date.parse("2026-03-10T03:30:00Z"))).toBeUndefined();
  expect(overdueSince({ ...plan, changed: "2026-03-10T11:00:00Z" }, days, undefined, now)).toBeUndefined();
  expect(overdueSince({ ...plan, enabled: false }, days, undefined, now)).toBeUndefined();
  expect(overdueSince(plan, [], undefined, now)).toBeUndefined();
  const weekdays = ["2026-03-13T03:00:00Z", "2026-03-16T03:00:00Z", "2026-03-17T03:00:00Z"];
  expect(overdueSince(plan, weekdays, "2026-03-10T03:10:00Z", now)).toBeUndefined();
});
