import { expect, it } from "vitest";

import { emptyBucket, type BucketSpec, type BucketValues } from "./bucket";
import { NEW } from "./destination";
import { emptyMongodb, type MongodbSpec, type MongodbValues } from "./mongodb";
import { emptyMysql, type MysqlSpec, type MysqlValues } from "./mysql";
import { emptyFiles, emptySpec, fieldOf, sourceSchema, specOf, specValues, type FilesSpec } from "./source";
import { emptySqlite, type SqliteSpec, type SqliteValues } from "./sqlite";

const schema = sourceSchema({
  required: "needed",
  absolute: "absolute",
  upwards: "upwards",
  path: "path",
  endpoint: "address",
  port: "port", host: "host", fingerprint: "digits", authority: "pem", uri: "uri", days: "days", collection: "collection",
  unit: "unit",
  variable: "variable",
  positive: "positive",
  dots: "dots",
  long: "long",
});
const about = { project: "p", name: "n", node: "d" };
const problems = (values: object) =>
  schema.safeParse({ ...about, ...values }).error?.issues.map(({ path, message }) => `${path.join(".")}: ${message}`) ?? [];
const ofPaths = (paths: string) => problems({ ...emptySpec("files"), spec: { ...emptyFiles, paths } })[0];
const ofMysql = (mysql: Partial<MysqlValues>) =>
  problems({ ...emptySpec("mysql"), mysql: { ...emptyMysql, connection: "c", service: "mariadb", ...mysql } });

const ofMongodb = (mongodb: Partial<MongodbValues>) =>
  problems({ ...emptySpec("mongodb"), mongodb: { ...emptyMongodb, connection: "c", ...mongodb } });
const ofBucket = (s3: Partial<BucketValues>) => problems({ ...emptySpec("s3"), s3: { ...emptyBucket, connection: "c", ...s3 } });

it("paths are absolute and there is one at least", () => {
  expect(ofPaths(" \n")).toBe("spec.paths: needed");
  expect(ofPaths("/home\nhome")).toBe("spec.paths: absolute");
  expect(ofPaths("/home/../etc")).toBe("spec.paths: upwards");
  expect(ofPaths("/home\n/srv/a..b")).toBeUndefined();
});

it("a database needs a connection, and what stops and starts it", () => {
  expect(problems(emptySpec("mysql"))).toEqual(["mysql.connection: needed", "mysql.service: needed"]);
  expect(ofMysql({})).toEqual([]);
  expect(ofMysql({ service: "--now" })).toEqual(["mysql.service: unit"]);
  expect(ofMysql({ control: "container" })).toEqual(["mysql.container: needed"]);
  const stop = { program: "svc", arguments: "", environment: "wrong" };
  expect(ofMysql({ control: "commands", stop })).toEqual(["mysql.stop.environment: variable", "mysql.start.program: needed"]);
  expect(ofMysql({ data_dir: "data", include: "/etc/my.cnf\n/a/../b", spool: "spool" })).toEqual([
    "mysql.data_dir: absolute",
    "mysql.include: upwards",
    "mysql.spool: absolute",
  ]);
  expect(ofMysql({ stop_timeout: { amount: 0, unit: "m" } })).toEqual(["mysql.stop_timeout: positive"]);
});

it("a connection that is made along is asked for what it needs, another is not", () => {
  expect(ofMysql({ connection: NEW })).toEqual(["made.name: needed", "made.settings.user: needed", "made.settings.password: needed"]);
});

it("a bucket needs a connection, and prefixes that keys can begin with", () => {
  expect(problems(emptySpec("s3"))).toEqual(["s3.connection: needed"]);
  expect(ofBucket({ prefixes: "photos/\n\nlogs/2026-\n..a/b..\n/x" })).toEqual([]);
  expect(ofBucket({ prefixes: "photos/\na/../b" })).toEqual(["s3.prefixes: dots"]);
  expect(ofBucket({ prefixes: "./a" })).toEqual(["s3.prefixes: dots"]);
  expect(ofBucket({ prefixes: "é".repeat(512) })).toEqual([]);
  expect(ofBucket({ prefixes: `${"é".repeat(512)}a` })).toEqual(["s3.prefixes: long"]);
  expect(ofBucket({ connection: NEW })).toEqual([
    "made.name: needed",
    "made.settings.bucket: needed",
    "made.settings.access_key: needed",
    "made.settings.secret_key: needed",
  ]);
});

it("what is stored of a bucket comes back as it was", () => {
  const spec: BucketSpec = {
    type: "s3",
    connection: "c",
    prefixes: ["photos/", "größe <b>"],
    excludes: ["*.tmp"],
    exclude_larger_than: 1024 ** 3,
    tags: false,
  };
  expect(specOf(specValues(spec))).toEqual(spec);
  const least = specOf(specValues({ type: "s3", connection: "c" }));
  expect(least).toEqual({ type: "s3", connection: "c", prefixes: [], excludes: [], tags: true });
});

it("databases of SQLite are named by paths, one at least, and come back as they were", () => {
  const of = (sqlite: Partial<SqliteValues>) => problems({ ...emptySpec("sqlite"), sqlite: { ...emptySqlite, databases: "/srv/a.db", ...sqlite } });
  expect(problems(emptySpec("sqlite"))).toEqual(["sqlite.databases: needed"]);
  expect(of({ databases: "/srv/a.db\n\n /srv/b..db " })).toEqual([]);
  expect(of({ databases: "/srv/a.db\nb.db" })).toEqual(["sqlite.databases: absolute"]);
  expect(of({ databases: "/srv/../a.db", spool: "spool" })).toEqual(["sqlite.databases: upwards", "sqlite.spool: absolute"]);
  const spec: SqliteSpec = { type: "sqlite", databases: ["/srv/a.db", "/srv/Größe <b>.db"], spool: "/var/spool" };
  expect(specOf(specValues(spec))).toEqual(spec);
  const twice = { ...emptySpec("sqlite"), sqlite: { databases: "/srv/a.db\n/srv/a.db\n", spool: " " } };
  expect(specOf(twice)).toEqual({ type: "sqlite", databases: ["/srv/a.db"] });
  const named = ["spec.databases[1]", "spec.databases", "spec.spool"].map((field) => fieldOf(field, twice));
  expect(named).toEqual(["sqlite.databases", "sqlite.databases", "sqlite.spool"]);
});

it("what is stored of files comes back as it was", () => {
  const spec: FilesSpec = {
    type: "files",
    paths: ["/home", "/srv/Größe <b>"],
    excludes: ["*.tmp"],
    exclude_if_present: [".nobackup"],
    exclude_caches: true,
    exclude_larger_than: 100_000,
    one_file_system: true,
  };
  expect(specOf(specValues(spec))).toEqual(spec);
});

it("what is stored of a database comes back as it was", () => {
  const times = { stop_timeout: "90s", copy_timeout: "6h", start_timeout: "5m" };
  const command = (verb: string) => ({ program: "/usr/bin/svc", arguments: [verb, "--", "my db"], environment: { A: "b=c" } });
  const services: MysqlSpec["method"]["service"][] = [
    { service: "mariadb" },
    { container: "shop-db" },
    { commands: { stop: command("stop"), start: command("start") } },
  ];
  for (const service of services) {
    const spec: MysqlSpec = {
      type: "mysql",
      connection: "c",
      method: { type: "cold", service, sequence: "send_first", data_dir: "/data", include: ["/etc/a", "/etc/b"], spool: "/spool", ...times },
    };
    expect(specOf(specValues(spec))).toEqual(spec);
  }
  const least: MysqlSpec = { type: "mysql", connection: "c", method: { type: "cold", service: { service: "mysql" } } };
  expect(specOf(specValues(least))).toEqual({
    ...least,
    method: { ...least.method, sequence: "auto", stop_timeout: "5m", copy_timeout: "6h", start_timeout: "5m" },
  });
});

it("a field that the server names is found in the form", () => {
  const files = emptySpec("files");
  expect(fieldOf("spec.paths.2", files)).toBe("spec.paths");
  const named = (control: MysqlValues["control"], field: string) =>
    fieldOf(field, { ...emptySpec("mysql"), mysql: { ...emptyMysql, control } });
  expect(named("service", "spec.connection")).toBe("mysql.connection");
  expect(named("service", "spec.method.include.1")).toBe("mysql.include");
  expect(named("service", "spec.method.service")).toBe("mysql.service");
  expect(named("commands", "spec.method.service")).toBe("mysql.stop.program");
  expect(named("service", "made.settings.user")).toBe("made.settings.user");
});

it("a field of a bucket that the server names is the form's", () => {
  const values = emptySpec("s3");
  expect(["spec.connection", "spec.prefixes[1]", "spec.excludes.0", "name"].map((field) => fieldOf(field, values))).toEqual([
    "s3.connection",
    "s3.prefixes",
    "s3.excludes",
    "name",
  ]);
});

it("a server of MongoDB is taken whole unless collections are named, and comes back as it was", () => {
  expect(problems(emptySpec("mongodb"))).toEqual(["mongodb.connection: needed"]);
  expect(ofMongodb({ include: "shop\nshop.orders", exclude: "" })).toEqual([]);
  expect(ofMongodb({ include: ".orders", exclude: "crm\n.people" })).toEqual(["mongodb.include: collection", "mongodb.exclude: collection"]);
  const stored: MongodbSpec = { type: "mongodb", connection: "c", include: ["shop"], exclude: ["shop.carts"], oplog: false, users: false };
  expect(specOf(specValues(stored))).toEqual(stored);
  const least = specOf(specValues({ type: "mongodb", connection: "c" }));
  expect(least).toEqual({ type: "mongodb", connection: "c", include: [], exclude: [], oplog: true, users: true });
  expect(fieldOf("spec.include[1]", emptySpec("mongodb"))).toBe("mongodb.include");
});
