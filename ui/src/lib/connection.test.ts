import { expect, it } from "vitest";

import { emptySettings, fieldOf, isStorage, placeOf, settingsOf, settingsSchema, settingsValues } from "./connection";

const words = { required: "needed", path: "absolute", endpoint: "address", port: "port", host: "host", fingerprint: "digits", authority: "pem", uri: "uri", days: "days" };
const problems = (values: unknown, isNew = true) =>
  settingsSchema(words, isNew)
    .safeParse(values)
    .error?.issues.map(({ path, message }) => `${path.join(".")}: ${message}`) ?? [];

it("each type asks for what it needs", () => {
  expect(problems(emptySettings("local"))).toEqual(["path: needed"]);
  expect(problems({ ...emptySettings("local"), path: "srv" })).toEqual(["path: absolute"]);
  expect(problems(emptySettings("s3"))).toEqual(["bucket: needed", "access_key: needed", "secret_key: needed"]);
  expect(problems(emptySettings("s3"), false)).toEqual(["bucket: needed", "access_key: needed"]);
  expect(problems({ ...emptySettings("local"), path: "/srv" })).toEqual([]);
});

it("an address has no credentials in it", () => {
  const s3 = { ...emptySettings("s3"), bucket: "b", access_key: "a", secret_key: "s" };
  expect(problems({ ...s3, endpoint: "https://key:secret@s3.example.org" })).toEqual(["endpoint: address"]);
  expect(problems({ ...s3, endpoint: "https://s3.example.org:9000" })).toEqual([]);
});

it("what is stored comes back as it was, and an empty secret is not sent", () => {
  const stored = { type: "s3", bucket: "b", access_key: "a", endpoint: "https://s3.example.org", style: "path", allow_private: true } as const;
  expect(settingsOf(settingsValues(stored))).toEqual(stored);
  const keeping = { storage_class: "DEEP_ARCHIVE", lock: { mode: "compliance", days: 30 }, encryption: { mode: "aes256" }, thaw: { tier: "bulk", days: 3 } } as const;
  expect(settingsOf(settingsValues({ ...stored, ...keeping }))).toEqual({ ...stored, ...keeping });
  const other = { storage_class: "HIGH_PERF", lock: { mode: "governance", days: 1 }, encryption: { mode: "kms", key: "alias/backups" } } as const;
  expect(settingsOf(settingsValues({ ...stored, ...other }))).toEqual({ ...stored, ...other });
  expect(settingsOf({ ...settingsValues(stored), secret_key: "new" })).toEqual({ ...stored, secret_key: "new" });
  expect(settingsOf({ ...emptySettings("local"), path: " /srv " })).toEqual({ type: "local", path: "/srv" });
  expect(placeOf({ type: "local", path: "/srv" })).toBe("/srv");
});

it("a bucket's class, lock and encryption are asked for what they need", () => {
  const s3 = { ...emptySettings("s3"), bucket: "b", access_key: "a", secret_key: "s" };
  expect(problems({ ...s3, class: "other" })).toEqual(["storage_class: needed"]);
  expect(problems({ ...s3, class: "GLACIER", thaw: { ...s3.thaw, days: 0 } })).toEqual(["thaw.days: days"]);
  expect(problems({ ...s3, class: "STANDARD_IA", thaw: { ...s3.thaw, days: 0 } })).toEqual([]);
  for (const days of [null, 0, 1.5, 36_501]) {
    expect(problems({ ...s3, lock: { mode: "governance", days } })).toEqual(["lock.days: days"]);
  }
  expect(problems({ ...emptySettings("local"), path: "/srv", class: "other" })).toEqual([]);
});

it("what went to an archive class is brought back also when it is not used any more", () => {
  const stored = { type: "s3", bucket: "b", access_key: "a", style: "auto", allow_private: false } as const;
  const thaw = { tier: "standard", days: 7 };
  const cold = settingsValues({ ...stored, storage_class: "DEEP_ARCHIVE" });
  expect(settingsOf(cold)).toEqual({ ...stored, storage_class: "DEEP_ARCHIVE", thaw });
  expect(settingsOf({ ...cold, class: "" })).toEqual({ ...stored, thaw });
  expect(settingsOf({ ...cold, class: "", thaw: { ...cold.thaw, on: false } })).toEqual(stored);
  // A key counts only where the key service encrypts.
  expect(settingsOf({ ...settingsValues(stored), encryption: { mode: "aes256", key: "k" } })).toEqual({ ...stored, encryption: { mode: "aes256" } });
});

it("a database is reached by its socket or by a port of the node's own host", () => {
  const mysql = { ...emptySettings("mysql"), user: "backstay", password: "secret" };
  expect(problems(emptySettings("mysql"))).toEqual(["user: needed", "password: needed"]);
  expect(problems(emptySettings("mysql"), false)).toEqual(["user: needed"]);
  expect(problems({ ...mysql, socket: "" })).toEqual(["socket: needed"]);
  expect(problems({ ...mysql, socket: "run/mysqld.sock" })).toEqual(["socket: absolute"]);
  expect(problems({ ...mysql, socket: "", reach: "tcp" })).toEqual([]);
  for (const port of [null, 0, 65_536, 3306.5]) {
    expect(problems({ ...mysql, reach: "tcp", port })).toEqual(["port: port"]);
  }
});

it("a database's settings come back as they were, and say where they lead", () => {
  const way = { type: "mysql", host: "127.0.0.1", port: 3306, user: "backstay" } as const;
  const bySocket = { ...way, socket: "/run/other.sock" };
  const byPort = { ...way, host: "::1", port: 3307 };
  expect(settingsOf(settingsValues(bySocket))).toEqual(bySocket);
  expect(settingsOf(settingsValues(byPort))).toEqual(byPort);
  expect(settingsOf({ ...settingsValues(byPort), password: " a b " })).toEqual({ ...byPort, password: " a b " });
  expect(placeOf(bySocket)).toBe("backstay · /run/other.sock");
  expect(placeOf(byPort)).toBe("backstay · [::1]:3307");
  expect([isStorage({ settings: bySocket }), isStorage({ settings: { type: "local", path: "/srv" } })]).toEqual([false, true]);
});

it("a receiver is known by its fingerprint, by a certificate, or by what the system trusts", () => {
  const receiver = { ...emptySettings("receiver"), receiver_host: "backup.example.org", token: "bsr_x", fingerprint: "AB:".repeat(31) + "AB" };
  expect(problems(emptySettings("receiver"))).toEqual(["receiver_host: needed", "token: needed", "fingerprint: needed"]);
  expect(problems(emptySettings("receiver"), false)).toEqual(["receiver_host: needed", "fingerprint: needed"]);
  expect(problems(receiver)).toEqual([]);
  expect(problems({ ...receiver, trust: "authority" })).toEqual(["authority: needed"]);
  expect(problems({ ...receiver, trust: "authority", authority: "PEM" })).toEqual(["authority: pem"]);
  expect(problems({ ...receiver, trust: "system", fingerprint: "" })).toEqual([]);
  expect(problems({ ...receiver, fingerprint: "ab".repeat(31) })).toEqual(["fingerprint: digits"]);
  expect(problems({ ...receiver, receiver_host: "https://backup.example.org", receiver_port: 0 })).toEqual(["receiver_host: host", "receiver_port: port"]);
});

it("a receiver's settings come back as they were, and no token is sent that was not entered", () => {
  const stored = { type: "receiver", host: "::1", port: 8500, fingerprint: "ab".repeat(32), allow_private: true } as const;
  expect(settingsOf(settingsValues(stored))).toEqual(stored);
  expect(settingsOf({ ...settingsValues(stored), token: " bsr_x\n", trust: "system" })).toEqual({
    type: "receiver",
    host: "::1",
    port: 8500,
    token: "bsr_x",
    allow_private: true,
  });
  const certified = { type: "receiver", host: "b", port: 8421, authority: "-----BEGIN CERTIFICATE-----", allow_private: false } as const;
  expect(settingsOf(settingsValues(certified))).toEqual(certified);
  expect(settingsOf({ ...settingsValues(stored), fingerprint: " AB:CD \n" })).toMatchObject({ fingerprint: "AB:CD" });
  expect(placeOf(stored)).toBe("[::1]:8500");
  expect(placeOf({ type: "receiver", host: "backup.example.org" })).toBe("backup.example.org:8421");
  expect(isStorage({ settings: stored })).toBe(true);
});

it("what the server says of a receiver is shown at the form's field", () => {
  expect(fieldOf("settings.host", "settings", { type: "receiver" })).toBe("settings.receiver_host");
  expect(fieldOf("made.settings.port", "made.settings", { type: "receiver" })).toBe("made.settings.receiver_port");
  expect(fieldOf("settings.token", "settings", { type: "receiver" })).toBe("settings.token");
  expect(fieldOf("settings.port", "settings", { type: "mysql" })).toBe("settings.port");
});

it("Google Drive asks for its client, and tells no secret that was not entered", () => {
  const empty = emptySettings("google_drive");
  expect(problems(empty)).toEqual(["client_id: needed", "client_secret: needed"]);
  expect(problems({ ...empty, folder: " " }, false)).toEqual(["client_id: needed", "folder: needed"]);
  const stored = { type: "google_drive", client_id: "1.apps", folder: "Backstay/db1", allow_private: false } as const;
  expect(settingsOf(settingsValues(stored))).toEqual(stored);
  expect(settingsOf({ ...settingsValues(stored), client_secret: "new" })).toEqual({ ...stored, client_secret: "new" });
  expect(placeOf(stored)).toBe("Backstay/db1 · Google Drive");
  expect(isStorage({ settings: stored })).toBe(true);
});

it("a server of MongoDB is reached by an address without credentials, and by a user or nobody", () => {
  const server = { ...emptySettings("mongodb"), uri: "mongodb://db.example.org:27017/" };
  expect(problems(emptySettings("mongodb"))).toEqual(["uri: needed"]);
  expect(problems(server)).toEqual([]);
  for (const uri of ["db.example.org", "mongodb://", "mongodb://me:secret@db/", "mongodb://a b/", "https://db/"]) {
    expect(problems({ ...server, uri })).toEqual(["uri: uri"]);
  }
  expect(problems({ ...server, user: "backstay" })).toEqual(["password: needed"]);
  expect(problems({ ...server, user: "backstay" }, false)).toEqual([]);
  expect(problems({ ...server, password: "secret" })).toEqual(["user: needed"]);
});

it("a MongoDB server's settings come back as they were, and say where they lead", () => {
  const open = { type: "mongodb", uri: "mongodb+srv://cluster.example.org?replicaSet=rs0", allow_private: false } as const;
  const known = { type: "mongodb", uri: "mongodb://a:27017,b:27018/admin?tls=true", user: "backstay", auth_database: "users", allow_private: true } as const;
  expect(settingsOf(settingsValues(open))).toEqual(open);
  expect(settingsOf(settingsValues(known))).toEqual(known);
  expect(settingsOf({ ...settingsValues(known), password: " a " })).toEqual({ ...known, password: " a " });
  expect(placeOf(open)).toBe("cluster.example.org");
  expect(placeOf(known)).toBe("backstay · a:27017,b:27018");
  expect(isStorage({ settings: open })).toBe(false);
});
