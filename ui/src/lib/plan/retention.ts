// What a plan keeps, as its form holds it, and back.

import { z } from "zod";

import type { Schemas } from "../../api/client";
import { BYTES, amountOf, valueOf } from "../amount";
import { lines } from "../lines";
import { amount } from "./schedule";

type Retention = Schemas["PlanRetention"];

export const PERIODS = ["hourly", "daily", "weekly", "monthly", "yearly"] as const;
const SPANS = ["within_hourly", "within_daily", "within_weekly", "within_monthly", "within_yearly"] as const;

type Words = { keep: string; span: string; atLeast: string; positive: string };

export function retentionSchema(words: Words) {
  const keep = z.string().trim().regex(/^(\d*|unlimited)$/, words.keep);
  const span = z.string().trim().regex(/^(\d+[ymdh]\s*)*$/, words.span);
  const limit = z.number().int().min(1, words.positive).nullable();
  return z.object({
    mode: z.enum(["all", "rules"]),
    last: keep,
    hourly: keep,
    daily: keep,
    weekly: keep,
    monthly: keep,
    yearly: keep,
    within: span,
    within_hourly: span,
    within_daily: span,
    within_weekly: span,
    within_monthly: span,
    within_yearly: span,
    max_age: span,
    max_count: limit,
    max_total_bytes: amount,
    keep_at_least: z.number().int().min(1, words.atLeast).nullable(),
    tags: z.string(),
  });
}

export type RetentionValues = z.infer<ReturnType<typeof retentionSchema>>;

/** Sensible for most: a week of days, a month of weeks, a year of months. */
export const newRetention = (): RetentionValues => retentionValues({ last: 3, daily: 7, weekly: 4, monthly: 12 });

const isEmpty = ({ keep_at_least: _, ...rules }: Retention): boolean =>
  Object.values(rules).every((rule) => rule === null || rule === 0 || rule === "" || (Array.isArray(rule) && rule.length === 0));

export function retentionValues(retention: Retention | undefined): RetentionValues {
  const given = retention ?? {};
  const keep = (rule: Schemas["Keep"] | undefined) => (rule === undefined || rule === 0 ? "" : String(rule));
  return {
    mode: isEmpty(given) ? "all" : "rules",
    last: keep(given.last),
    hourly: keep(given.hourly),
    daily: keep(given.daily),
    weekly: keep(given.weekly),
    monthly: keep(given.monthly),
    yearly: keep(given.yearly),
    within: given.within ?? "",
    within_hourly: given.within_hourly ?? "",
    within_daily: given.within_daily ?? "",
    within_weekly: given.within_weekly ?? "",
    within_monthly: given.within_monthly ?? "",
    within_yearly: given.within_yearly ?? "",
    max_age: given.max_age ?? "",
    max_count: given.max_count ?? null,
    max_total_bytes: amountOf(given.max_total_bytes, BYTES, "GiB"),
    keep_at_least: given.keep_at_least ?? 1,
    tags: (given.tags ?? []).join("\n"),
  };
}

export function retentionOf(values: RetentionValues): Retention {
  if (values.mode === "all") {
    return {};
  }
  const keep = (text: string): Schemas["Keep"] => (text === "unlimited" ? "unlimited" : Number(text));
  const kept = (["last", ...PERIODS] as const).filter((name) => values[name] !== "" && values[name] !== "0");
  const spans = (["within", ...SPANS] as const).filter((name) => values[name] !== "");
  const bytes = valueOf(values.max_total_bytes, BYTES);
  const tags = lines(values.tags);
  return {
    ...Object.fromEntries(kept.map((name) => [name, keep(values[name])])),
    ...Object.fromEntries(spans.map((name) => [name, values[name]])),
    ...(values.max_age !== "" && { max_age: values.max_age }),
    ...(values.max_count !== null && { max_count: values.max_count }),
    ...(bytes !== null && { max_total_bytes: bytes }),
    ...(tags.length > 0 && { tags }),
    keep_at_least: values.keep_at_least ?? 1,
  };
}
