import { expect, it } from "vitest";

import type { Schemas } from "../../api/client";
import type { Plan } from "../../api/queries";
import { newPlan, planOf, planSchema, planValues, renamed } from "./form";

const word = new Proxy({} as Parameters<typeof planSchema>[0], { get: (_, name) => String(name) });
const problems = (values: unknown) =>
  planSchema(word)
    .safeParse(values)
    .error?.issues.map(({ path, message }) => `${path.join(".")}: ${message}`) ?? [];

const plan: Plan = {
  id: "1",
  project: "p",
  name: "Nightly",
  sources: ["s"],
  destinations: ["d"],
  schedule: {
    when: { weekly: { days: ["mon", "thu"], at: ["03:00", "15:30"] } },
    zone: "Europe/Berlin",
    jitter: "10m",
    windows: [{ days: ["mon"], from: "01:00", until: "05:00" }],
    catch_up: false,
    conditions: { battery: "avoid", max_load: 1.5 },
  },
  retention: { daily: 7, weekly: "unlimited", within_daily: "14d", max_count: 100, keep_at_least: 2, tags: ["a,b"] },
  continuous: { every: "10s", keep: null },
  verification: { every: "36h", read_percent: 2.5 },
  hooks: {
    before: [
      { stop_service: "mysql", timeout: "1m", ignore_failure: false },
      {
        command: { program: "/bin/sync", arguments: ["-f", "a b"], environment: { A: "1=2" } },
        timeout: "5m",
        ignore_failure: true,
      },
    ],
    after: [{ start_container: "db", timeout: "30s", ignore_failure: false }],
    on_failure: [{ http: { url: "https://example.org/x", method: "POST", body: "{}" }, timeout: "10s", ignore_failure: false }],
  },
  limits: { read: 100_000, concurrency: 4, priority: "low", time: "2h", no_progress: "30m" },
  tags: ["laptop"],
  enabled: false,
  created: "2026-01-01T00:00:00Z",
  changed: "2026-01-01T00:00:00Z",
  revision: 1,
};

it("a plan comes back from its form as it was", () => {
  const { id: _i, project: _p, created: _c, changed: _d, revision: _r, ...spec } = plan;
  const values = planValues(plan);
  expect(problems(values)).toEqual([]);
  expect(planOf(values)).toEqual(spec);
});

it.each<Schemas["When"]>([
  "manual",
  { every: "6h" },
  { cron: "0 3 * * *" },
  { daily: { at: ["03:00"] } },
  { monthly: { day: "last", at: ["00:15"] } },
  { monthly: { day: 31, at: ["00:15"] } },
])("when it runs comes back: %j", (when) => {
  expect(planOf(planValues({ ...plan, schedule: { when } })).schedule?.when).toEqual(when);
});

it("a plan that says nothing keeps everything", () => {
  const bare = { ...plan };
  delete bare.retention;
  expect(planValues(bare).retention.mode).toBe("all");
  expect(planOf(planValues(bare)).retention).toEqual({});
});

it("a copy plan comes back as it was, and a mirror keeps by no rules", () => {
  const copy = { from: "d1", node: "n", plans: ["p"], hosts: ["a", "b"], paths: ["/srv"], tags: ["weekly"], mirror: false };
  const copies: Plan = { ...plan, sources: [], copy, tags: [] };
  // It has no sources that could be followed.
  const { id: _i, project: _p, created: _c, changed: _d, revision: _r, continuous: _o, ...spec } = copies;
  const values = planValues(copies);
  expect(problems(values)).toEqual([]);
  expect(planOf(values)).toEqual(spec);
  expect(planOf({ ...values, copy: { ...values.copy, mirror: true } }).retention).toEqual({});
  const all = { ...values, copy: { ...values.copy, node: "", plans: [], hosts: "", paths: "\n", tags: "" } };
  expect(planOf(all).copy).toEqual({ from: "d1", mirror: false });
  expect(problems({ ...values, copy: { ...values.copy, from: "" } })).toEqual(["copy.from: required"]);
  expect(renamed("copy.hosts.0")).toBe("copy.hosts");
  // What is copied from was a destination before it was chosen.
  expect(planOf({ ...values, destinations: ["d1", "d"] }).destinations).toEqual(["d"]);
});

it("what is wrong is told at its field", () => {
  const values = newPlan("p", [], []);
  expect(problems(values)).toEqual(["name: required", "destinations: destination", "sources: source"]);
  const named = { ...values, name: "n", sources: ["s"], destinations: ["d"] };
  expect(problems(named)).toEqual([]);
  const none = { amount: null, unit: "s" };
  const zero = { amount: 0, unit: "d" };
  expect(problems({ ...named, continuous: { on: true, every: none, keep: zero } })).toEqual([
    "continuous.every.amount: required",
    "continuous.keep.amount: positive",
  ]);
  // What is not shown is not wrong.
  expect(problems({ ...named, continuous: { on: false, every: none, keep: zero } })).toEqual([]);
  expect(problems({ ...named, schedule: { ...named.schedule, kind: "weekly", days: [], at: [{ time: "25:00" }] } })).toEqual([
    "schedule.days: required",
    "schedule.at.0.time: time",
  ]);
  expect(problems({ ...named, retention: { ...named.retention, daily: "many", within: "2 years" } })).toEqual([
    "retention.daily: keep",
    "retention.within: span",
  ]);
  expect(problems({ ...named, tags: "plan:x" })).toEqual(["tags: tag"]);
});

it("the server's names of fields are those of the form", () => {
  expect(renamed("hooks.before.0.command.program")).toBe("hooks.before.0.program");
  expect(renamed("hooks.after.1")).toBe("hooks.after.1.name");
  expect(renamed("hooks.after.1.timeout")).toBe("hooks.after.1.timeout");
  expect(renamed("schedule")).toBe("schedule.kind");
  expect(renamed("destinations.0")).toBe("destinations");
  expect(renamed("limits.read")).toBe("limits.read");
});
