// A client of the receiver as its form holds it, and back; and what is entered on the client's host.

import { z } from "zod";

import type { Schemas } from "../api/client";
import { BYTES, amountOf, valueOf } from "./amount";
import { dayOf } from "./timeline";

type Client = Schemas["ReceiverClient"];
type Words = { required: string; name: string; folder: string; whole: string; positive: string };

const NAME = /^[\w-]+$/;
const FOLDER = /^[\w{}-]+(\/[\w{}-]+)*$/;

export function clientSchema(words: Words) {
  const bytes = z
    .object({ amount: z.number().nullable(), unit: z.string() })
    .refine(({ amount }) => amount === null || amount > 0, { error: words.positive, path: ["amount"] });
  const count = z.number().int(words.whole).min(1, words.whole).nullable();
  return z.object({
    name: z.string().trim().min(1, words.required).regex(NAME, words.name),
    folder: z
      .string()
      .trim()
      .refine((text) => text === "" || FOLDER.test(text), words.folder),
    quota: bytes,
    append_only: z.boolean(),
    expires: z.string(),
    max_age_days: count,
    max_count: count,
    max_bytes: bytes,
    keep_at_least: count,
  });
}

export type ClientValues = z.infer<ReturnType<typeof clientSchema>>;

export const emptyClient: ClientValues = {
  name: "",
  folder: "",
  quota: { amount: null, unit: "GiB" },
  append_only: false,
  expires: "",
  max_age_days: null,
  max_count: null,
  max_bytes: { amount: null, unit: "GiB" },
  keep_at_least: null,
};

/** The last day on which a client is let in that is turned away from a moment on. */
export const lastDay = (expires: string | null | undefined): string =>
  expires ? dayOf(new Date(Date.parse(expires) - 1).toISOString()) : "";

export function clientValues({ name, folder, quota, append_only, expires, retention }: Client): ClientValues {
  return {
    name,
    folder,
    quota: amountOf(quota, BYTES, "GiB"),
    append_only,
    expires: lastDay(expires),
    max_age_days: retention.max_age_days ?? null,
    max_count: retention.max_count ?? null,
    max_bytes: amountOf(retention.max_bytes, BYTES, "GiB"),
    keep_at_least: retention.keep_at_least ?? null,
  };
}

/** The end of a day in the person's own zone; the moment that was set before where the day is the same. */
function expiryOf(day: string, before: string | null | undefined): string {
  if (before && lastDay(before) === day) {
    return before;
  }
  const end = new Date(`${day}T00:00:00`);
  end.setDate(end.getDate() + 1);
  return end.toISOString();
}

/** What a client may; `before` is when it was to be turned away till now. */
export function grantsOf(values: ClientValues, before?: string | null) {
  const { append_only, expires, max_age_days, max_count, keep_at_least } = values;
  const [quota, max_bytes] = [valueOf(values.quota, BYTES), valueOf(values.max_bytes, BYTES)];
  return {
    append_only,
    ...(quota !== null && { quota }),
    ...(expires !== "" && { expires: expiryOf(expires, before) }),
    retention: {
      ...(max_age_days !== null && { max_age_days }),
      ...(max_count !== null && { max_count }),
      ...(max_bytes !== null && { max_bytes }),
      ...(keep_at_least !== null && { keep_at_least }),
    },
  };
}

/** Where a receiver is found. */
export function placeOf(url: string): { host: string; port: string; isEncrypted: boolean } {
  const { hostname, port, protocol } = new URL(url);
  const isEncrypted = protocol === "https:";
  return { host: hostname.replace(/^\[|\]$/g, ""), port: port || (isEncrypted ? "443" : "80"), isEncrypted };
}

const FILE = "receiver-token";

/** The lines that send an archive. The token goes into a file that nobody else can read, so that no list of processes shows it. */
export const sendSteps = (url: string, token: string) => ({
  keep: `(umask 077; printf %s '${token}' > ${FILE})`,
  send: `backstay archive send Data.zip --to ${url.replace(/\/+$/, "")} --token-file ${FILE}`,
});

/** How far an upload is, from 0 to 1. */
export const partOf = ({ size, sent, arriving }: Pick<Schemas["ReceiverUpload"], "size" | "sent" | "arriving">): number =>
  size === 0 ? 1 : Math.min(1, (sent + arriving) / size);
