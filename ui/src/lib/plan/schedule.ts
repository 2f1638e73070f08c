// A schedule as its form holds it, and back.

import { z } from "zod";

import type { Schemas } from "../../api/client";
import { timeOf, timeText } from "../amount";

type Schedule = Schemas["Schedule"];

export const WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
export const KINDS = ["manual", "every", "daily", "weekly", "monthly", "cron"] as const;

export type ScheduleWords = { required: string; time: string; positive: string };

export const amount = z.object({ amount: z.number().nullable(), unit: z.string() });

export function scheduleSchema(words: ScheduleWords) {
  const time = z.string().regex(/^([01]?\d|2[0-3]):[0-5]\d$/, words.time);
  const days = z.array(z.enum(WEEKDAYS));
  const fields = z.object({
    kind: z.enum(KINDS),
    every: amount,
    cron: z.string(),
    at: z.array(z.object({ time: z.string() })),
    days,
    day: z.string(),
    zone: z.string().trim().min(1, words.required),
    jitter: amount,
    windows: z.array(z.object({ days, from: time, until: time })),
    catch_up: z.boolean(),
    avoid_battery: z.boolean(),
    max_load: z.number().nullable(),
  });
  return fields.superRefine((values, { addIssue }) => {
    const wrong = (path: (string | number)[], message: string) => addIssue({ code: "custom", path, message });
    if (values.kind === "every" && (values.every.amount ?? 0) <= 0) {
      wrong(["every", "amount"], words.positive);
    }
    if (values.kind === "cron" && values.cron.trim() === "") {
      wrong(["cron"], words.required);
    }
    if (values.kind === "weekly" && values.days.length === 0) {
      wrong(["days"], words.required);
    }
    if (["daily", "weekly", "monthly"].includes(values.kind)) {
      values.at.forEach(({ time: text }, place) => {
        if (!time.safeParse(text).success) {
          wrong(["at", place, "time"], words.time);
        }
      });
    }
  });
}

export type ScheduleValues = z.infer<ReturnType<typeof scheduleSchema>>;

const hereZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

/** What a new plan begins with: every night. */
export const newSchedule = (): ScheduleValues => ({
  kind: "daily",
  every: { amount: 6, unit: "h" },
  cron: "0 3 * * *",
  at: [{ time: "03:00" }],
  days: ["sat"],
  day: "1",
  zone: hereZone(),
  jitter: { amount: null, unit: "m" },
  windows: [],
  catch_up: true,
  avoid_battery: false,
  max_load: null,
});

export function scheduleValues(schedule: Schedule | undefined): ScheduleValues {
  const { when, zone, jitter, windows, catch_up, conditions } = schedule ?? { when: "manual" as const };
  const times = (at: readonly string[]) => at.map((time) => ({ time }));
  return {
    ...newSchedule(),
    ...(when === "manual" && { kind: "manual" as const }),
    ...(when !== "manual" && "every" in when && { kind: "every" as const, every: timeOf(when.every, "h") }),
    ...(when !== "manual" && "cron" in when && { kind: "cron" as const, cron: when.cron }),
    ...(when !== "manual" && "daily" in when && { kind: "daily" as const, at: times(when.daily.at) }),
    ...(when !== "manual" &&
      "weekly" in when && { kind: "weekly" as const, at: times(when.weekly.at), days: when.weekly.days }),
    ...(when !== "manual" &&
      "monthly" in when && { kind: "monthly" as const, at: times(when.monthly.at), day: String(when.monthly.day) }),
    zone: zone ?? "UTC",
    jitter: timeOf(jitter, "m"),
    windows: (windows ?? []).map(({ days = [], from, until }) => ({ days, from, until })),
    catch_up: catch_up ?? true,
    avoid_battery: conditions?.battery === "avoid",
    max_load: conditions?.max_load ?? null,
  };
}

function whenOf({ kind, every, cron, at, days, day }: ScheduleValues): Schemas["When"] {
  const times = at.map(({ time }) => time);
  switch (kind) {
    case "manual":
      return "manual";
    case "every":
      return { every: timeText(every) ?? "" };
    case "cron":
      return { cron: cron.trim() };
    case "daily":
      return { daily: { at: times } };
    case "weekly":
      return { weekly: { days: WEEKDAYS.filter((day) => days.includes(day)), at: times } };
    case "monthly":
      return { monthly: { day: day === "last" ? "last" : Number(day), at: times } };
  }
}

export function scheduleOf(values: ScheduleValues): Schedule {
  const jitter = timeText(values.jitter);
  return {
    when: whenOf(values),
    zone: values.zone,
    windows: values.windows,
    catch_up: values.catch_up,
    conditions: { battery: values.avoid_battery ? "avoid" : "allow", max_load: values.max_load },
    ...(jitter !== null && { jitter }),
  };
}
