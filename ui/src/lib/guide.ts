// A first backup in plain words, and the records that it comes to.

import { z } from "zod";

import type { Schemas } from "../api/client";
import { settingsSchema } from "./connection";
import { filesSchema } from "./source";

export const PLACES = ["here", "folder", "bucket"] as const;
export const TIMES = ["daily", "hourly", "weekly"] as const;
export const LENGTHS = ["months", "years", "all"] as const;

type Words = Parameters<typeof filesSchema>[0] & Parameters<typeof settingsSchema>[0];

export function guideSchema(words: Words) {
  const fields = z.object({
    project: z.string(),
    node: z.string(),
    spec: filesSchema(words),
    place: z.enum(PLACES),
    settings: z.unknown(),
    when: z.enum(TIMES),
    keep: z.enum(LENGTHS),
  });
  const settings = settingsSchema(words, true);
  return fields.superRefine((values, { addIssue }) => {
    const found = values.place === "here" ? undefined : settings.safeParse(values.settings);
    for (const issue of found?.error?.issues ?? []) {
      addIssue({ code: "custom", path: ["settings", ...issue.path], message: issue.message });
    }
  });
}

export type GuideValues = Omit<z.infer<ReturnType<typeof guideSchema>>, "settings"> & {
  settings: z.infer<ReturnType<typeof settingsSchema>>;
};

/** When the plan runs, in the person's own zone. Nights are when computers have time. */
export function scheduleOf(when: GuideValues["when"], zone: string): Schemas["Schedule"] {
  switch (when) {
    case "hourly":
      return { when: { every: "1h" }, catch_up: true };
    case "daily":
      return { when: { daily: { at: ["02:00"] } }, zone, catch_up: true };
    case "weekly":
      return { when: { weekly: { days: ["sun"], at: ["02:00"] } }, zone, catch_up: true };
  }
}

export function retentionOf(keep: GuideValues["keep"]): Schemas["PlanRetention"] {
  switch (keep) {
    case "months":
      return { last: 3, daily: 30, weekly: 13 };
    case "years":
      return { last: 3, daily: 30, weekly: 13, monthly: 24, yearly: 10 };
    case "all":
      return {};
  }
}

/** A name that is not taken. */
export function freeName(wanted: string, taken: readonly string[]): string {
  for (let number = 1; ; number += 1) {
    const name = number === 1 ? wanted : `${wanted} ${number}`;
    if (!taken.includes(name)) {
      return name;
    }
  }
}

/** What a plan of these paths is called: the last folder's name. */
export const nameOfPaths = (paths: readonly string[]): string =>
  paths[0]?.split("/").findLast((part) => part !== "") ?? "/";
