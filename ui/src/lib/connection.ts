// A connection as its form holds it, and back.

import { z } from "zod";

import type { Schemas } from "../api/client";
import type { Connection } from "../api/queries";
import { CONNECTION_TYPES, type ConnectionType } from "./search";

type Words = { required: string; path: string; endpoint: string };

/** What is asked of settings; `isNew` when no secret is kept that could stay. */
export function settingsSchema(words: Words, isNew: boolean) {
  const fields = z.object({
    type: z.enum(CONNECTION_TYPES),
    path: z.string(),
    endpoint: z.string().refine((text) => text.trim() === "" || /^https?:\/\/[^@?#\s]+$/.test(text.trim()), words.endpoint),
    region: z.string(),
    bucket: z.string(),
    access_key: z.string(),
    secret_key: z.string(),
    style: z.enum(["auto", "path", "host"]),
    allow_private: z.boolean(),
  });
  return fields.superRefine((settings, { addIssue }) => {
    const needed = settings.type === "local" ? (["path"] as const) : (["bucket", "access_key"] as const);
    const missing = [...needed, ...(settings.type === "s3" && isNew ? (["secret_key"] as const) : [])];
    for (const name of missing.filter((name) => settings[name].trim() === "")) {
      addIssue({ code: "custom", path: [name], message: words.required });
    }
    if (settings.type === "local" && settings.path !== "" && !settings.path.startsWith("/")) {
      addIssue({ code: "custom", path: ["path"], message: words.path });
    }
  });
}

export type SettingsValues = z.infer<ReturnType<typeof settingsSchema>>;

export const emptySettings = (type: ConnectionType): SettingsValues => ({
  type,
  path: "",
  endpoint: "",
  region: "",
  bucket: "",
  access_key: "",
  secret_key: "",
  style: "auto",
  allow_private: false,
});

export function settingsValues(settings: Connection["settings"]): SettingsValues {
  const empty = emptySettings(settings.type);
  if (settings.type === "local") {
    return { ...empty, path: settings.path };
  }
  const { endpoint, region, bucket, access_key, style, allow_private } = settings;
  return {
    ...empty,
    endpoint: endpoint ?? "",
    region: region ?? "",
    bucket,
    access_key,
    style: style ?? "auto",
    allow_private: allow_private ?? false,
  };
}

export function settingsOf(values: SettingsValues): Schemas["ConnectionSettings"] {
  if (values.type === "local") {
    return { type: "local", path: values.path.trim() };
  }
  const { bucket, access_key, secret_key, style, allow_private } = values;
  const [endpoint, region] = [values.endpoint.trim(), values.region.trim()];
  return {
    type: "s3",
    bucket: bucket.trim(),
    access_key: access_key.trim(),
    style,
    allow_private,
    ...(endpoint !== "" && { endpoint }),
    ...(region !== "" && { region }),
    // A secret that is left out stays as it is.
    ...(secret_key !== "" && { secret_key }),
  };
}

/** Where a connection leads, in one line. */
export const placeOf = (settings: Connection["settings"]): string =>
  settings.type === "local" ? settings.path : `${settings.bucket} · ${settings.endpoint ?? "Amazon S3"}`;
