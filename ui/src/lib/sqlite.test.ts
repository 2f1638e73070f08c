import { expect, it } from "vitest";

import type { Run } from "../api/queries";
import { chosenOf, isFilePath, keptOf, mayHoldDatabases, withDatabase } from "./sqlite";

const DATABASES = ["/srv/a.db", "/srv/b.db", "/var/c.db"];

it("databases are chosen by their paths or by folders above them", () => {
  expect(chosenOf(DATABASES)).toEqual(DATABASES);
  expect(chosenOf(DATABASES, ["/srv"])).toEqual(["/srv/a.db", "/srv/b.db"]);
  expect(chosenOf(DATABASES, ["/var/c.db", "/srv/a.db", "/etc"])).toEqual(["/srv/a.db", "/var/c.db"]);
  expect(chosenOf(DATABASES, ["/.backstay"])).toEqual([]);
});

it("a tick takes a database in or out, and all of them need none", () => {
  expect(withDatabase(DATABASES, DATABASES, "/srv/b.db", false)).toEqual(["/srv/a.db", "/var/c.db"]);
  expect(withDatabase(DATABASES, ["/var/c.db"], "/srv/a.db", true)).toEqual(["/srv/a.db", "/var/c.db"]);
  expect(withDatabase(DATABASES, ["/srv/a.db", "/var/c.db"], "/srv/b.db", true)).toBeUndefined();
});

it("a snapshot is looked into unless it is of files, where no source is of databases", () => {
  const files = { type: "files", paths: ["/srv", "/etc"] } as const;
  const spec = { ...files, paths: [...files.paths] };
  expect(mayHoldDatabases({ paths: ["/etc", "/srv"] }, [spec])).toBe(false);
  expect(mayHoldDatabases({ paths: ["/srv"] }, [spec])).toBe(true);
  expect(mayHoldDatabases({ paths: DATABASES }, [])).toBe(true);
  expect(mayHoldDatabases({ paths: ["/etc", "/srv"] }, [spec, { type: "sqlite", databases: DATABASES }])).toBe(true);
});

it("a database becomes a file by an absolute path", () => {
  expect(["/srv/a.db", "/a..b"].map(isFilePath)).toEqual([true, true]);
  expect(["", "a.db", "/srv/", "/srv/../a.db", "/a\0"].map(isFilePath)).toEqual(Array(5).fill(false));
});

it("what was kept is read from a run, also where there are commas in names", () => {
  const run = (kept?: string) => ({ outcome: { more: { ...(kept && { kept }) } } }) as unknown as Run;
  expect(keptOf(run("/srv/a, /b.db.before-1\n/var/c.db.before-1"))).toEqual(["/srv/a, /b.db.before-1", "/var/c.db.before-1"]);
  expect(keptOf(run())).toEqual([]);
});
