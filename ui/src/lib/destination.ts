// A destination as its form holds it, and the connection that is made along with a record.

import { z } from "zod";

import { holdsSchema } from "./archives";
import { emptySettings, settingsSchema, type SettingsValues } from "./connection";
import type { ConnectionType } from "./search";

type Words = Parameters<typeof settingsSchema>[0] & Parameters<typeof holdsSchema>[0] & { relative: string };

/** The choice of a connection that is made along. */
export const NEW = "new";

export type MadeValues = { name: string; node: string; settings: SettingsValues };

export const madeEmpty = (type: ConnectionType): MadeValues => ({ name: "", node: "", settings: emptySettings(type) });

/** What is asked of a connection that is made along with another record. */
export const madeSchema = (words: Parameters<typeof settingsSchema>[0]) =>
  z.object({ name: z.string().trim().min(1, words.required), node: z.string(), settings: settingsSchema(words, true) });

export function destinationSchema(words: Words) {
  const odd = (path: string) => path !== "" && path.split("/").some((part) => ["", ".", ".."].includes(part));
  const fields = z.object({
    project: z.string(),
    name: z.string().trim().min(1, words.required),
    connection: z.string().min(1, words.required),
    path: z.string().trim().refine((path) => !odd(path) && !path.includes("\\"), words.relative),
    layout: z.enum(["per_node", "shared"]),
    holds: holdsSchema(words),
    // The connection that is made along with it counts only where one is.
    made: z.custom<MadeValues>(),
  });
  const made = madeSchema(words);
  return fields.superRefine((values, { addIssue }) => {
    if (values.connection === NEW) {
      for (const { path, message } of made.safeParse(values.made).error?.issues ?? []) {
        addIssue({ code: "custom", path: ["made", ...path], message });
      }
    }
  });
}
