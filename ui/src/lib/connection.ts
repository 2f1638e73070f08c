// A connection as its form holds it, and back.

import { z } from "zod";

import type { Schemas } from "../api/client";
import type { Connection } from "../api/queries";
import { emptyKeeping, keepingFields, keepingOf, keepingValues, wrongKeeping } from "./keeping";
import { hostsOf, wrongAccess } from "./mongodb";
import { CONNECTION_TYPES, STORAGE_TYPES, type ConnectionType } from "./search";

type Words = { required: string; path: string; endpoint: string; port: string; host: string; fingerprint: string; authority: string; uri: string; days: string };

/** By what a receiver is known for who it is. */
export const TRUSTS = ["fingerprint", "authority", "system"] as const;

const HOST = /^[\w.:-]{1,253}$/;
const DIGITS = /^([0-9a-f]{2}:?){31}[0-9a-f]{2}$/i;
const CERTIFICATE = "-----BEGIN CERTIFICATE-----";

/** Where an instance listens that is on the node's own host. */
export const OWN_HOSTS = ["127.0.0.1", "localhost", "::1"] as const;

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
    ...keepingFields,
    reach: z.enum(["socket", "tcp"]),
    socket: z.string(),
    host: z.enum(OWN_HOSTS),
    port: z.number().nullable(),
    user: z.string(),
    password: z.string(),
    receiver_host: z.string(),
    receiver_port: z.number().nullable(),
    token: z.string(),
    trust: z.enum(TRUSTS),
    fingerprint: z.string(),
    authority: z.string(),
    client_id: z.string(),
    client_secret: z.string(),
    folder: z.string(),
    uri: z.string(),
    auth_database: z.string(),
  });
  type Text = { [K in keyof z.infer<typeof fields>]: z.infer<typeof fields>[K] extends string ? K : never }[keyof z.infer<typeof fields>];
  return fields.superRefine((settings, { addIssue }) => {
    const wrong = (name: keyof typeof settings, message: string) => addIssue({ code: "custom", path: [name], message });
    if (settings.type === "s3") {
      wrongKeeping(settings).forEach(([path, word]) => addIssue({ code: "custom", path: [...path], message: words[word] }));
    }
    const { type, trust } = settings;
    const bySocket = settings.type === "mysql" && settings.reach === "socket";
    const needed: Record<ConnectionType, readonly Text[]> = {
      local: ["path"],
      s3: ["bucket", "access_key", ...(isNew ? (["secret_key"] as const) : [])],
      mysql: [...(bySocket ? (["socket"] as const) : []), "user", ...(isNew ? (["password"] as const) : [])],
      mongodb: ["uri"],
      google_drive: ["client_id", ...(isNew ? (["client_secret"] as const) : []), "folder"],
      receiver: ["receiver_host", ...(isNew ? (["token"] as const) : []), ...(trust === "system" ? [] : [trust])],
    };
    for (const name of needed[settings.type].filter((name) => settings[name].trim() === "")) {
      wrong(name, words.required);
    }
    const path = settings.type === "local" ? "path" : bySocket ? "socket" : undefined;
    if (path !== undefined && settings[path].trim() !== "" && !settings[path].trim().startsWith("/")) {
      wrong(path, words.path);
    }
    const isPort = (port: number | null) => port !== null && Number.isInteger(port) && port >= 1 && port <= 65_535;
    if (type === "mysql" && !bySocket && !isPort(settings.port)) {
      wrong("port", words.port);
    }
    if (type === "mongodb") {
      wrongAccess(settings, isNew).forEach(([name, word]) => wrong(name, words[word]));
    }
    if (type === "receiver") {
      const [host, fingerprint, authority] = [settings.receiver_host.trim(), bare(settings.fingerprint), settings.authority];
      if (host !== "" && !HOST.test(host)) {
        wrong("receiver_host", words.host);
      }
      if (!isPort(settings.receiver_port)) {
        wrong("receiver_port", words.port);
      }
      if (trust === "fingerprint" && fingerprint !== "" && !DIGITS.test(fingerprint)) {
        wrong("fingerprint", words.fingerprint);
      }
      if (trust === "authority" && authority.trim() !== "" && !authority.includes(CERTIFICATE)) {
        wrong("authority", words.authority);
      }
    }
  });
}

/** A fingerprint without the blanks that it was pasted with. */
const bare = (fingerprint: string) => fingerprint.replace(/\s/g, "");

/** Where the form has another name for what the server calls a field; `at` is what both begin with. */
export function fieldOf(field: string, at: string, { type }: Pick<SettingsValues, "type">): string {
  const isOther = type === "receiver" && [`${at}.host`, `${at}.port`].includes(field);
  return isOther ? field.replace(`${at}.`, `${at}.receiver_`) : field;
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
  ...emptyKeeping,
  reach: "socket",
  socket: "/run/mysqld/mysqld.sock",
  host: "127.0.0.1",
  port: 3306,
  user: "",
  password: "",
  receiver_host: "",
  receiver_port: 8421,
  token: "",
  trust: "fingerprint",
  fingerprint: "",
  authority: "",
  client_id: "",
  client_secret: "",
  folder: "Backstay",
  uri: "",
  auth_database: "",
});

export function settingsValues(settings: Connection["settings"]): SettingsValues {
  const empty = emptySettings(settings.type);
  switch (settings.type) {
    case "local":
      return { ...empty, path: settings.path };
    case "s3": {
      const { type: _, endpoint, region, bucket, access_key, secret_key: __, style, allow_private, ...keeping } = settings;
      return {
        ...empty,
        ...keepingValues(keeping),
        endpoint: endpoint ?? "",
        region: region ?? "",
        bucket,
        access_key,
        style: style ?? "auto",
        allow_private: allow_private ?? false,
      };
    }
    case "mysql": {
      const { socket, port, user } = settings;
      const host = OWN_HOSTS.find((one) => one === settings.host) ?? empty.host;
      return { ...empty, reach: socket ? "socket" : "tcp", socket: socket ?? empty.socket, host, port: port ?? empty.port, user };
    }
    case "mongodb": {
      const { uri, user, auth_database, allow_private } = settings;
      return { ...empty, uri, user: user ?? "", auth_database: auth_database ?? "", allow_private: allow_private ?? false };
    }
    case "receiver": {
      const { host, port, fingerprint, authority, allow_private } = settings;
      return {
        ...empty,
        receiver_host: host,
        receiver_port: port ?? empty.receiver_port,
        trust: fingerprint ? "fingerprint" : authority ? "authority" : "system",
        fingerprint: fingerprint ?? "",
        authority: authority ?? "",
        allow_private: allow_private ?? false,
      };
    }
    case "google_drive": {
      const { client_id, folder, endpoint, allow_private } = settings;
      return {
        ...empty,
        client_id,
        folder: folder ?? empty.folder,
        endpoint: endpoint ?? "",
        allow_private: allow_private ?? false,
      };
    }
  }
}

/** What is told of Google Drive, but for the sign-in. */
export function googleSettingsOf(values: SettingsValues): Schemas["GoogleDriveSettings"] {
  const { client_id, client_secret, folder, allow_private } = values;
  const endpoint = values.endpoint.trim();
  return {
    client_id: client_id.trim(),
    folder: folder.trim(),
    allow_private,
    ...(client_secret.trim() !== "" && { client_secret: client_secret.trim() }),
    ...(endpoint !== "" && { endpoint }),
  };
}

export function settingsOf(values: SettingsValues): Schemas["ConnectionSettings"] {
  switch (values.type) {
    case "local":
      return { type: "local", path: values.path.trim() };
    case "s3": {
      const { bucket, access_key, secret_key, style, allow_private } = values;
      const [endpoint, region] = [values.endpoint.trim(), values.region.trim()];
      return {
        type: "s3",
        bucket: bucket.trim(),
        access_key: access_key.trim(),
        style,
        allow_private,
        ...keepingOf(values),
        ...(endpoint !== "" && { endpoint }),
        ...(region !== "" && { region }),
        // A secret that is left out stays as it is.
        ...(secret_key !== "" && { secret_key }),
      };
    }
    case "mysql": {
      const { reach, socket, host, port, user, password } = values;
      return {
        type: "mysql",
        ...(reach === "socket" && { socket: socket.trim() }),
        // Kept beside a socket too: a change of it would be one of where the password goes.
        host,
        ...(port !== null && { port }),
        user: user.trim(),
        ...(password !== "" && { password }),
      };
    }
    case "mongodb": {
      const { uri, password, allow_private } = values;
      const [user, database] = [values.user.trim(), values.auth_database.trim()];
      return {
        type: "mongodb",
        uri: uri.trim(),
        allow_private,
        ...(user !== "" && { user }),
        ...(password !== "" && { password }),
        ...(database !== "" && { auth_database: database }),
      };
    }
    case "receiver": {
      const { receiver_host, receiver_port, token, trust, fingerprint, authority, allow_private } = values;
      return {
        type: "receiver",
        host: receiver_host.trim(),
        ...(receiver_port !== null && { port: receiver_port }),
        ...(token.trim() !== "" && { token: token.trim() }),
        ...(trust === "fingerprint" && { fingerprint: bare(fingerprint) }),
        ...(trust === "authority" && { authority: authority.trim() }),
        allow_private,
      };
    }
    case "google_drive":
      return { type: "google_drive", ...googleSettingsOf(values) };
  }
}

const withPort = (host: string, port: number) => `${host.includes(":") ? `[${host}]` : host}:${port}`;

/** Where a connection leads, in one line. */
export function placeOf(settings: Connection["settings"]): string {
  switch (settings.type) {
    case "local":
      return settings.path;
    case "s3":
      return `${settings.bucket} · ${settings.endpoint ?? "Amazon S3"}`;
    case "mysql": {
      const { socket, host = OWN_HOSTS[0], port = 3306, user } = settings;
      return `${user} · ${socket ?? withPort(host, port)}`;
    }
    case "mongodb": {
      const hosts = hostsOf(settings.uri);
      return settings.user ? `${settings.user} · ${hosts}` : hosts;
    }
    case "receiver":
      return withPort(settings.host, settings.port ?? 8421);
    case "google_drive":
      return `${settings.folder ?? "Backstay"} · Google Drive`;
  }
}

/** Whether repositories can lie behind it. */
export const isStorage = ({ settings }: Pick<Connection, "settings">): boolean =>
  STORAGE_TYPES.some((type) => type === settings.type);
