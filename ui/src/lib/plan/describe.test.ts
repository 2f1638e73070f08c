import { describe, expect, it } from "vitest";

import type { Schemas } from "../../api/client";
import { de } from "../../texts/de";
import { en } from "../../texts/en";
import { describeRetention, describeSchedule } from "./describe";

describe("a schedule in words", () => {
  it.each<[Schemas["Schedule"], string, string]>([
    [{ when: "manual", windows: [{ from: "01:00", until: "02:00" }] }, "Only by hand", "Nur von Hand"],
    [{ when: { every: "1d12h" } }, "Every 36 hours", "Alle 36 Stunden"],
    [
      { when: { daily: { at: ["03:00", "15:00"] } }, zone: "Europe/Berlin", jitter: "5m" },
      "Every day at 03:00 and 15:00 (Europe/Berlin), up to 5 minutes later",
      "Jeden Tag um 03:00 und 15:00 (Europe/Berlin), bis zu 5 Minuten später",
    ],
    [
      {
        when: { weekly: { days: ["mon", "sun"], at: ["03:00"] } },
        windows: [{ days: ["mon"], from: "01:00", until: "05:00" }],
        catch_up: false,
        conditions: { battery: "avoid", max_load: 1.5 },
      },
      "Every Monday and Sunday at 03:00 (UTC), only within Monday 01:00–05:00, missed runs are left out, not on battery, not above a load of 1.5 per core",
      "Jede Woche am Montag und Sonntag um 03:00 (UTC), nur innerhalb von Montag 01:00–05:00, Versäumtes entfällt, nicht mit Akku, nicht über einer Last von 1,5 je Kern",
    ],
    [
      { when: { monthly: { day: "last", at: ["00:15"] } } },
      "On the last day of each month at 00:15 (UTC)",
      "Am letzten Tag jedes Monats um 00:15 (UTC)",
    ],
  ])("%j", (schedule, english, german) => {
    expect(describeSchedule(schedule, en.plan, "en")).toBe(english);
    expect(describeSchedule(schedule, de.plan, "de")).toBe(german);
  });
});

describe("a retention in words", () => {
  const told = (retention: Schemas["PlanRetention"]) => describeRetention(retention, en.plan, "en").join(" ");

  it("that says nothing keeps all", () => {
    expect(told({})).toBe("All snapshots are kept.");
    expect(told({ keep_at_least: 3 })).toBe("All snapshots are kept.");
  });

  it("names rules and limits", () => {
    expect(told({ last: 1, daily: 7, monthly: "unlimited", within_daily: "14d", max_count: 50, max_total_bytes: 1024 ** 3, keep_at_least: 2 })).toBe(
      "The newest snapshot. The newest of each of the last 7 days and months without end. The newest of each day of the last 14d. " +
        "No more than 50. No more than 1.0 GiB in all. The newest 2 always stay.",
    );
  });
});
