// How a bucket keeps what is written to it, as a connection's form holds it, and back: class, lock, encryption.

import { z } from "zod";

import type { Schemas } from "../api/client";

type Bucket = Extract<Schemas["ConnectionSettings"], { type: "s3" }>;
type Keeping = Pick<Bucket, "storage_class" | "lock" | "encryption" | "thaw">;

/** Classes that services know. Others are typed. */
export const CLASSES = ["STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"] as const;
export const TIERS = ["standard", "bulk", "expedited"] as const;
export const LOCKS = ["", "governance", "compliance"] as const;
export const ENCRYPTIONS = ["", "aes256", "kms"] as const;

/** What stands for a class that is typed. */
const OTHER = "other";

/** Most days that a lock or a copy may last, as the server has it. */
const MOST_DAYS = 36_500;

// Where nothing is chosen, the service keeps things as it does by itself. Fields are named as the server names them.
export const keepingFields = {
  class: z.enum(["", ...CLASSES, OTHER]),
  storage_class: z.string(),
  thaw: z.object({ on: z.boolean(), tier: z.enum(TIERS), days: z.number().nullable() }),
  lock: z.object({ mode: z.enum(LOCKS), days: z.number().nullable() }),
  encryption: z.object({ mode: z.enum(ENCRYPTIONS), key: z.string() }),
};

const fields = z.object(keepingFields);

export type KeepingValues = z.infer<typeof fields>;

export const emptyKeeping: KeepingValues = {
  class: "",
  storage_class: "",
  thaw: { on: false, tier: "standard", days: 7 },
  lock: { mode: "", days: null },
  encryption: { mode: "", key: "" },
};

/** Whether what lies in a class has to be brought back before it is read. */
export const isArchive = (name: string): boolean => name === "GLACIER" || name === "DEEP_ARCHIVE";

/** The class that is meant. */
export const classOf = (values: Pick<KeepingValues, "class" | "storage_class">): string =>
  values.class === OTHER ? values.storage_class.trim() : values.class;

/** Whether restores have packs brought back. */
const thaws = (values: KeepingValues): boolean => isArchive(classOf(values)) || values.thaw.on;

export function wrongKeeping(values: KeepingValues): (readonly [path: readonly string[], word: "required" | "days"])[] {
  const isLength = (days: number | null) => days !== null && Number.isInteger(days) && days >= 1 && days <= MOST_DAYS;
  return [
    ...(values.class === OTHER && classOf(values) === "" ? [[["storage_class"], "required"] as const] : []),
    ...(thaws(values) && !isLength(values.thaw.days) ? [[["thaw", "days"], "days"] as const] : []),
    ...(values.lock.mode !== "" && !isLength(values.lock.days) ? [[["lock", "days"], "days"] as const] : []),
  ];
}

export function keepingValues({ storage_class, thaw, lock, encryption }: Keeping): KeepingValues {
  const known = CLASSES.find((one) => one === storage_class);
  const typed = known === undefined ? (storage_class ?? "") : "";
  return {
    class: known ?? (typed === "" ? "" : OTHER),
    storage_class: typed,
    // What was written to an archive class has to be brought back though another one is chosen now.
    thaw: {
      on: Boolean(thaw) || isArchive(storage_class ?? ""),
      tier: thaw?.tier ?? emptyKeeping.thaw.tier,
      days: thaw?.days ?? emptyKeeping.thaw.days,
    },
    lock: lock ?? emptyKeeping.lock,
    encryption: { mode: encryption?.mode ?? "", key: encryption?.key ?? "" },
  };
}

export function keepingOf(values: KeepingValues): Keeping {
  const { thaw, lock, encryption } = values;
  const [storage_class, key] = [classOf(values), encryption.key.trim()];
  return {
    ...(storage_class !== "" && { storage_class }),
    ...(thaws(values) && { thaw: { tier: thaw.tier, ...(thaw.days !== null && { days: thaw.days }) } }),
    ...(lock.mode !== "" && lock.days !== null && { lock: { mode: lock.mode, days: lock.days } }),
    ...(encryption.mode !== "" && { encryption: { mode: encryption.mode, ...(encryption.mode === "kms" && key !== "" && { key }) } }),
  };
}
