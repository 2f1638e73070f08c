import { expect, it } from "vitest";

import type { Node, Run } from "../api/queries";
import type { Source } from "../api/records";
import type { Repository, Snapshot } from "../api/snapshots";
import { bucketForm, bucketModesOf, exampleKey, existingOf, formOf, instanceForm, instanceOf, isOfMongodb, latestOf, modesOf, mongodbForm, ofField, searchOf, sqliteForm, told, toField, usualNode, wayOf, type RestoreForm } from "./restore";

const snapshot: Snapshot = { id: "abc", repository: "r", time: "2026-03-01T00:00:00Z", host: "web", paths: ["/srv", "/etc"], tags: [] };
const repository: Repository = { id: "r", destination: "d", path: "", created: "", name: "Disk", destination_name: "Disk" };
const node = (id: string, more: Partial<Node> = {}): Node => ({ id, project: "x", name: id, created: "", ...more });
const nodes = [node("a"), node("b", { host: { host_name: "web" } }), node("c", { local: true })];

const backup = (source: string, snapshot: string, state: Run["state"] = "completed"): Run => ({
  id: snapshot,
  project: "x",
  node: "a",
  kind: "backup",
  trigger: "manual",
  state: "completed",
  attempt: 1,
  created: "2026-03-01T00:00:00Z",
  revision: 1,
  plan: { id: "p", name: "P" },
  source: { id: source, name: source },
  destinations: [{ id: "d", name: "Disk", repository: "r", state, snapshot, bytes_added: 0 }],
});

it("the node of the repository restores, or the one that the snapshot was made on", () => {
  expect(usualNode(nodes, { ...repository, node: "a" }, snapshot)?.id).toBe("a");
  expect(usualNode(nodes, repository, snapshot)?.id).toBe("b");
  expect(usualNode(nodes, repository, { ...snapshot, host: "gone" })?.id).toBe("c");
  expect(usualNode([], repository, snapshot)).toBeUndefined();
});

it("deleting at the original place is kept to what was backed up", () => {
  const asked = (search: Parameters<typeof formOf>[0]) => formOf(search, snapshot, node("a"), true);
  expect(asked({})).toMatchObject({ target: "/", paths: [], delete: false, overwrite: "always", dry_run: true });
  expect(asked({ delete: true })).toMatchObject({ paths: ["/srv", "/etc"], delete: true });
  expect(asked({ delete: true, paths: ["/srv/x"] })).toMatchObject({ paths: ["/srv/x"] });
  expect(asked({ delete: true, target: "/restored" })).toMatchObject({ paths: [] });
});

it("of an archive nothing is deleted that is there, nor told newer", () => {
  const archive = { ...snapshot, name: "nightly/Data.zip" };
  expect(modesOf(archive)).toEqual(["always", "if_changed", "never"]);
  expect(modesOf(snapshot)).toContain("if_newer");
  expect(existingOf({ overwrite: "if_newer", delete: true }, archive)).toEqual({ overwrite: "always", deletes: false });
  expect(formOf({ delete: true }, archive, node("a"), false)).toMatchObject({ paths: [], delete: false });
  expect(existingOf({ overwrite: "if_newer", delete: true }, snapshot)).toEqual({ overwrite: "if_newer", deletes: true });
});

it("a restore is begun again with what it was begun with", () => {
  const run = { ...backup("s", "abc"), restore: { snapshot: "latest", target: "/restored", paths: ["/srv"], delete: true } };
  expect(searchOf(run)).toEqual({ repository: "r", snapshot: "latest", node: "a", target: "/restored", paths: ["/srv"], delete: true });
  expect(searchOf(backup("s", "abc"))).toBeUndefined();
});

it("an instance comes back as a whole, in its place, and is begun again so", () => {
  expect(instanceForm("s", snapshot, node("a"), false)).toEqual({
    repository: "r",
    snapshot: "abc",
    node: "a",
    target: "/",
    instance: "s",
    dry_run: false,
  });
  const run = { ...backup("s", "abc"), restore: { snapshot: "abc", target: "/", instance: "s" } };
  expect(searchOf(run)).toEqual({ repository: "r", snapshot: "abc", node: "a", instance: "s" });
});

it("the instance of a snapshot is told only where there is no doubt", () => {
  const method = { type: "cold", service: { service: "mariadb" } } as const;
  const source = (id: string): Source => ({
    id,
    project: "x",
    name: id,
    node: "a",
    created: "",
    changed: "",
    revision: 1,
    spec: { type: "mysql", connection: "c", method },
  });
  const [one, two, three] = [source("1"), source("2"), source("3")];
  expect(instanceOf([one], undefined)?.id).toBe("1");
  expect(instanceOf([one, two, three], { sources: ["files", "2"] })?.id).toBe("2");
  expect(instanceOf([one, two, three], { sources: ["1", "2"] })).toBeUndefined();
  expect(instanceOf([one, two], undefined)).toBeUndefined();
  expect(instanceOf([], { sources: [] })).toBeUndefined();
});

it("a restore into a bucket names its connection, keeps a prefix, and is begun again so", () => {
  const asked = (search: Parameters<typeof formOf>[0], of = snapshot) => bucketForm(search, of, node("a"), "c", false);
  expect(asked({ prefix: "back/", target: "/restored", delete: true })).toEqual({
    repository: "r",
    snapshot: "abc",
    node: "a",
    paths: [],
    target: "/",
    into: { type: "s3", connection: "c", prefix: "back/" },
    overwrite: "always",
    delete: true,
    dry_run: false,
  });
  expect(asked({ paths: ["/photos/a"], overwrite: "if_changed" })).toMatchObject({ paths: ["/photos/a"], overwrite: "always" });
  expect(asked({ overwrite: "never" })).toMatchObject({ overwrite: "never", into: { prefix: "" } });
  expect(asked({ delete: true }, { ...snapshot, name: "nightly/Data.zip" })).toMatchObject({ delete: false });
  expect(bucketModesOf(snapshot)).toEqual(["always", "if_newer", "never"]);
  const into = { type: "s3", connection: "c", prefix: "back/" } as const;
  const run = { ...backup("s", "abc"), restore: { snapshot: "abc", target: "/", into, overwrite: "never" as const } };
  expect(searchOf(run)).toEqual({ repository: "r", snapshot: "abc", node: "a", into: "c", prefix: "back/", overwrite: "never" });
  expect(exampleKey("back/", "/srv/data")).toBe("back/srv/data");
});

it("the bucket of a snapshot is told only where there is no doubt", () => {
  const source = (id: string, connection: string): Source => ({
    id,
    project: "x",
    name: id,
    node: "a",
    created: "",
    changed: "",
    revision: 1,
    spec: { type: "s3", connection },
  });
  const [one, same, other] = [source("1", "c"), source("2", "c"), source("3", "d")];
  expect(wayOf("s3", [one, same], undefined)).toBe("c");
  expect(wayOf("s3", [one, same, other], { sources: ["3"] })).toBe("d");
  expect(wayOf("s3", [one, other], { sources: ["1", "3"] })).toBeUndefined();
  expect(wayOf("s3", [one, other], undefined)).toBeUndefined();
  expect(wayOf("s3", [], undefined)).toBeUndefined();
});

it("a restore into a server of MongoDB names collections, and is begun again so", () => {
  const held = { ...snapshot, paths: ["mongodb://db:27017/shop"] };
  const search = { include: "shop\n\n crm.people \n", existing: "put_aside", users: true, overwrite: "never", delete: true } as const;
  const form = mongodbForm(search, held, node("a"), "c", true);
  const into: RestoreForm["into"] = { type: "mongodb", connection: "c", include: ["shop", "crm.people"], databases: [], collections: [], existing: "put_aside", users: true };
  expect(form).toEqual({ repository: "r", snapshot: "abc", node: "a", target: "/", into, dry_run: true });
  const until = "2026-11-26T14:03:27Z";
  expect(mongodbForm({ ...search, until }, held, node("a"), "c", true).into).toEqual({ ...into, until });
  expect(ofField(toField(until))).toBe(until);
  expect([toField(undefined), ofField(""), ofField("soon"), ofField("0002-05-01T10:00:00")]).toEqual(["", undefined, undefined, undefined]);
  expect(mongodbForm({}, held, node("a"), "c", false).into).toEqual({ type: "mongodb", connection: "c", include: [], databases: [], collections: [], existing: "refuse", users: false });
  const run = { ...backup("s", "abc"), restore: { snapshot: "abc", target: "/", into, overwrite: "always" as const } };
  const again = { repository: "r", snapshot: "abc", node: "a", into: "c", include: "shop\ncrm.people", existing: "put_aside", users: true };
  expect(searchOf(run)).toEqual(again);
  const renamed = { ...into, databases: [{ from: "shop", to: "old" }], collections: [{ from: "a.b", to: "a.c" }] };
  const named = searchOf({ ...run, restore: { ...run.restore, into: renamed } });
  expect(named).toEqual({ ...again, renames: "shop = old\na.b = a.c" });
  expect(mongodbForm({ renames: " shop = old \n\na.b = a.c" }, held, node("a"), "c", false).into).toMatchObject({
    databases: [{ from: "shop", to: "old" }],
    collections: [{ from: "a.b", to: "a.c" }],
  });
  // What the form has no field for is not left out in silence.
  for (const more of [{ oplog: false }, { databases: [{ from: "shop = old", to: "new" }] }]) {
    expect(searchOf({ ...run, restore: { ...run.restore, into: { ...into, ...more } } })).toBeUndefined();
  }
  expect([isOfMongodb(held), isOfMongodb(snapshot)]).toEqual([true, false]);
});

it("databases of SQLite go back to their place, some of them or one to another, and are begun again so", () => {
  const held = { ...snapshot, paths: ["/srv/a.db", "/srv/b.db"] };
  const asked = (search: Parameters<typeof sqliteForm>[0]) => sqliteForm(search, held, node("a"), false);
  const about = { repository: "r", snapshot: "abc", node: "a" };
  expect(asked({ overwrite: "never", delete: true })).toEqual({ ...about, target: "/", into: { type: "sqlite" }, dry_run: false });
  expect(asked({ paths: ["/srv"] }).into).toEqual({ type: "sqlite" });
  expect(asked({ to: "/srv/old.db" }).into).toEqual({ type: "sqlite" });
  const into = { type: "sqlite", databases: ["/srv/b.db"], to: "/srv/old.db" } as const;
  expect(asked({ paths: ["/srv/b.db", "/etc"], to: "/srv/old.db" }).into).toEqual(into);
  expect(sqliteForm({ to: "/srv/old.db" }, { ...held, paths: ["/srv/a.db"] }, node("a"), true)).toMatchObject({ into: { to: "/srv/old.db" }, dry_run: true });
  const run = { ...backup("s", "abc"), restore: { snapshot: "abc", target: "/", into: { ...into, databases: [...into.databases] }, overwrite: "always" as const } };
  expect(searchOf(run)).toEqual({ ...about, paths: ["/srv/b.db"], to: "/srv/old.db" });
  expect(searchOf({ ...run, restore: { ...run.restore, into: { type: "sqlite", databases: [] } } })).toEqual(about);
});

it("each source of a plan has its latest snapshot", () => {
  const runs = [backup("s", "3", "failed"), backup("s", "2"), backup("t", "1"), backup("s", "0")];
  expect(latestOf({ id: "p" }, runs).map(({ name, snapshot }) => [name, snapshot])).toEqual([["s", "2"], ["t", "1"]]);
  expect(latestOf({ id: "q" }, runs)).toEqual([]);
});

it("numbers that a run tells of", () => {
  const run = { ...backup("s", "0"), outcome: { more: { files: "7", skipped: "many" } } } as Run;
  expect([told(run, "files"), told(run, "skipped"), told(run, "deleted")]).toEqual([7, 0, 0]);
});
