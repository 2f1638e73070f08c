// A plan's schedule and retention in plain words of the person's language.

import type { Schemas } from "../../api/client";
import type { Texts } from "../../texts/en";
import { timeOf } from "../amount";
import { size } from "../format";
import { PERIODS } from "./retention";
import { WEEKDAYS } from "./schedule";

type Words = Texts["plan"];

const UNITS: Record<string, string> = { s: "second", m: "minute", h: "hour", d: "day" };

/** `36 hours`. */
export function timeWords(text: string, language: string): string {
  const { amount, unit } = timeOf(text, "s");
  const style = { style: "unit", unit: UNITS[unit] ?? "second", unitDisplay: "long" } as const;
  return new Intl.NumberFormat(language, style).format(amount ?? 0);
}

const listed = (words: readonly string[], language: string): string => new Intl.ListFormat(language).format(words);

/** A day of the week. The third of January 2000 was a Monday. */
export const dayName = (day: Schemas["Weekday"], language: string): string =>
  new Date(Date.UTC(2000, 0, 3 + WEEKDAYS.indexOf(day))).toLocaleDateString(language, { weekday: "long", timeZone: "UTC" });

const dayNames = (days: readonly Schemas["Weekday"][], language: string): string =>
  listed(
    days.map((day) => dayName(day, language)),
    language,
  );

function describeWhen(when: Schemas["When"], words: Words, language: string): string {
  if (when === "manual") {
    return words.says.manual;
  }
  if ("every" in when) {
    return words.says.every(timeWords(when.every, language));
  }
  if ("cron" in when) {
    return words.says.cron(when.cron);
  }
  if ("daily" in when) {
    return words.says.daily(listed(when.daily.at, language));
  }
  if ("weekly" in when) {
    return words.says.weekly(dayNames(when.weekly.days, language), listed(when.weekly.at, language));
  }
  const { day, at } = when.monthly;
  return day === "last" ? words.says.monthEnd(listed(at, language)) : words.says.monthly(day, listed(at, language));
}

/** When a plan runs. */
export function describeSchedule(schedule: Schemas["Schedule"] | undefined, words: Words, language: string): string {
  const { when = "manual", zone = "UTC", jitter, windows = [], catch_up, conditions } = schedule ?? {};
  const goesByClock = when !== "manual" && (!("every" in when) || windows.length > 0);
  const parts = [describeWhen(when, words, language) + (goesByClock ? ` (${zone})` : "")];
  if (when !== "manual" && windows.length > 0) {
    const spans = windows.map(({ days = [], from, until }) =>
      [...(days.length > 0 ? [dayNames(days, language)] : []), `${from}–${until}`].join(" "),
    );
    parts.push(words.says.within(listed(spans, language)));
  }
  if (when !== "manual" && jitter !== undefined && timeOf(jitter, "m").amount) {
    parts.push(words.says.later(timeWords(jitter, language)));
  }
  if (when !== "manual" && catch_up === false) {
    parts.push(words.says.noCatchUp);
  }
  if (conditions?.battery === "avoid") {
    parts.push(words.says.noBattery);
  }
  if (typeof conditions?.max_load === "number") {
    parts.push(words.says.load(conditions.max_load.toLocaleString(language)));
  }
  return parts.join(", ");
}

/** What a plan keeps: a sentence for each rule and limit. */
export function describeRetention(retention: Schemas["PlanRetention"] | undefined, words: Words, language: string): string[] {
  const given = retention ?? {};
  const says = words.keeps;
  const sentences: string[] = [];
  const { last = 0, within = "", tags = [], max_age, max_count, max_total_bytes, keep_at_least = 1 } = given;
  if (last !== 0) {
    sentences.push(last === "unlimited" ? says.everything : says.last(last));
  }
  const periods = PERIODS.flatMap((period) => {
    const count = given[period] ?? 0;
    return count === 0 ? [] : [count === "unlimited" ? says.all[period] : says.of[period](count)];
  });
  if (periods.length > 0) {
    sentences.push(says.newest(listed(periods, language)));
  }
  if (within !== "") {
    sentences.push(says.within(within));
  }
  for (const period of PERIODS) {
    const span = given[`within_${period}`] ?? "";
    if (span !== "") {
      sentences.push(says.newestWithin(says.each[period], span));
    }
  }
  if (tags.length > 0) {
    sentences.push(says.tags(listed(tags, language)));
  }
  if (max_age) {
    sentences.push(says.maxAge(max_age));
  }
  if (max_count) {
    sentences.push(says.maxCount(max_count));
  }
  if (max_total_bytes) {
    sentences.push(says.maxBytes(size(max_total_bytes, language)));
  }
  if (sentences.length === 0) {
    return [says.everything];
  }
  return keep_at_least > 1 ? [...sentences, says.atLeast(keep_at_least)] : sentences;
}
