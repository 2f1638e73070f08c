// A plan as its form holds it, and back.

import { z } from "zod";

import type { Schemas } from "../../api/client";
import type { Plan } from "../../api/queries";
import { BYTES, amountOf, timeOf, timeText, valueOf } from "../amount";
import { lines } from "../lines";
import { copyOf, copySchema, copyValues } from "./copies";
import { hooksOf, hooksSchema, hooksValues } from "./hooks";
import { newRetention, retentionOf, retentionSchema, retentionValues } from "./retention";
import { amount, newSchedule, scheduleOf, scheduleSchema, scheduleValues } from "./schedule";

export type PlanWords = Parameters<typeof scheduleSchema>[0] &
  Parameters<typeof retentionSchema>[0] &
  Parameters<typeof hooksSchema>[0] & { source: string; destination: string; percent: string; tag: string; atOnce: string };

export function planSchema(words: PlanWords) {
  const rate = amount.refine(({ amount }) => amount === null || amount > 0, { error: words.positive, path: ["amount"] });
  const values = z.object({
    project: z.string(),
    name: z.string().trim().min(1, words.required),
    does: z.enum(["backup", "copy"]),
    sources: z.array(z.string()),
    copy: copySchema,
    destinations: z.array(z.string()).min(1, words.destination),
    schedule: scheduleSchema(words),
    retention: retentionSchema(words),
    continuous: z.object({ on: z.boolean(), every: amount, keep: amount }),
    verification: z.object({
      every: rate,
      read_percent: z.number(words.percent).min(0, words.percent).max(100, words.percent),
    }),
    hooks: hooksSchema(words),
    limits: z.object({
      upload: rate,
      download: rate,
      read: rate,
      concurrency: z.number().int().min(1, words.atOnce).max(256, words.atOnce).nullable(),
      priority: z.enum(["low", "normal", "high"]),
      time: rate,
      no_progress: rate,
    }),
    tags: z
      .string()
      .refine((text) => lines(text).every((tag) => !tag.includes(",") && !/^(plan|copy|log-of|log-base|log-piece):/.test(tag)), words.tag),
    enabled: z.boolean(),
  });
  return values
    .refine(({ does, sources }) => does === "copy" || sources.length > 0, { error: words.source, path: ["sources"] })
    .superRefine(({ does, continuous }, context) => {
      // What is not asked for is not wrong.
      const { on, every, keep } = continuous;
      if (does === "copy" || !on) {
        return;
      }
      const tell = (name: string, message: string) => context.addIssue({ code: "custom", message, path: ["continuous", name, "amount"] });
      if (every.amount === null) {
        tell("every", words.required);
      }
      for (const [name, { amount }] of [["every", every], ["keep", keep]] as const) {
        if (amount !== null && amount <= 0) {
          tell(name, words.positive);
        }
      }
    })
    .refine(({ does, copy }) => does === "backup" || copy.from !== "", { error: words.required, path: ["copy", "from"] });
}

export type PlanValues = z.infer<ReturnType<typeof planSchema>>;

export function planValues(plan: Plan): PlanValues {
  const { limits } = plan;
  return {
    project: plan.project,
    name: plan.name,
    does: plan.copy ? "copy" : "backup",
    sources: plan.sources,
    copy: copyValues(plan.copy),
    destinations: plan.destinations,
    schedule: scheduleValues(plan.schedule),
    retention: retentionValues(plan.retention),
    continuous: {
      on: Boolean(plan.continuous),
      every: timeOf(plan.continuous?.every ?? "60s", "s"),
      keep: timeOf(plan.continuous ? plan.continuous.keep : "7d", "d"),
    },
    verification: {
      every: timeOf(plan.verification?.every, "d"),
      read_percent: plan.verification?.read_percent ?? 5,
    },
    hooks: hooksValues(plan.hooks),
    limits: {
      upload: amountOf(limits?.upload, BYTES, "MiB"),
      download: amountOf(limits?.download, BYTES, "MiB"),
      read: amountOf(limits?.read, BYTES, "MiB"),
      concurrency: limits?.concurrency ?? null,
      priority: limits?.priority ?? "normal",
      time: timeOf(limits?.time ?? "7d", "d"),
      no_progress: timeOf(limits?.no_progress ?? "30m", "m"),
    },
    tags: (plan.tags ?? []).join("\n"),
    enabled: plan.enabled ?? true,
  };
}

/** What a new plan begins with. */
export const newPlan = (project: string, sources: string[], destinations: string[]): PlanValues => ({
  project,
  name: "",
  does: "backup",
  sources,
  copy: copyValues(undefined),
  destinations,
  schedule: newSchedule(),
  retention: newRetention(),
  continuous: { on: false, every: { amount: 60, unit: "s" }, keep: { amount: 7, unit: "d" } },
  verification: { every: { amount: 7, unit: "d" }, read_percent: 5 },
  hooks: hooksValues(undefined),
  limits: {
    upload: { amount: null, unit: "MiB" },
    download: { amount: null, unit: "MiB" },
    read: { amount: null, unit: "MiB" },
    concurrency: null,
    priority: "normal",
    time: { amount: 7, unit: "d" },
    no_progress: { amount: 30, unit: "m" },
  },
  tags: "",
  enabled: true,
});

export function planOf(values: PlanValues): Schemas["PlanSpec"] {
  const { limits, verification, continuous } = values;
  const rate = (name: "upload" | "download" | "read") => {
    const value = valueOf(limits[name], BYTES);
    return value === null ? {} : { [name]: value };
  };
  const [time, no_progress] = [timeText(limits.time), timeText(limits.no_progress)];
  const copy = values.does === "copy" ? copyOf(values.copy) : undefined;
  return {
    name: values.name,
    sources: copy ? [] : values.sources,
    ...(copy && { copy }),
    destinations: copy ? values.destinations.filter((id) => id !== copy.from) : values.destinations,
    schedule: scheduleOf(values.schedule),
    // A mirror keeps what there is where it is copied from.
    retention: copy?.mirror ? {} : retentionOf(values.retention),
    ...(!copy && continuous.on && { continuous: { every: timeText(continuous.every) ?? "60s", keep: timeText(continuous.keep) } }),
    verification: { every: timeText(verification.every), read_percent: verification.read_percent },
    hooks: hooksOf(values.hooks),
    limits: {
      ...rate("upload"),
      ...rate("download"),
      ...rate("read"),
      ...(limits.concurrency !== null && { concurrency: limits.concurrency }),
      priority: limits.priority,
      ...(time !== null && { time }),
      ...(no_progress !== null && { no_progress }),
    },
    tags: copy ? [] : lines(values.tags),
    enabled: values.enabled,
  };
}

/** Where the form has a field that the server calls otherwise. */
export function renamed(field: string): string {
  const hook = /^hooks\.(\w+)\.(\d+)(?:\.(?:command|http))?(?:\.(\w+))?$/.exec(field);
  if (hook !== null) {
    return `hooks.${hook[1]}.${hook[2]}.${hook[3] ?? "name"}`;
  }
  const whole: Record<string, string> = {
    copy: "does",
    schedule: "schedule.kind",
    retention: "retention.mode",
    continuous: "continuous.on",
  };
  return whole[field] ?? field.replace(/^(sources|destinations|tags|copy\.\w+)\.\d+$/, "$1");
}
