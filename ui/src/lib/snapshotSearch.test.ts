import { expect, it } from "vitest";

import { browseSearch, restoreSearch, snapshotsSearch } from "./snapshotSearch";

const REPOSITORY = "01900000-0000-7000-8000-000000000001";

it("addresses of snapshots keep what makes sense", () => {
  expect(snapshotsSearch({ repository: REPOSITORY, host: "web", day: "2026-03-01", paths: ["/srv", "etc"], x: 1 })).toEqual({
    repository: REPOSITORY,
    host: "web",
    day: "2026-03-01",
    paths: ["/srv"],
  });
  expect(snapshotsSearch({ repository: "one", plan: 7, host: "", day: "2026-13-01", paths: [] })).toEqual({});
});

it("addresses of folders keep what makes sense", () => {
  expect(browseSearch({ path: "/a/../b", sort: "dance", down: "yes", filter: "", chosen: 3 })).toEqual({});
  expect(browseSearch({ path: "/a", sort: "size", down: true, filter: 2026, chosen: ["/x"] })).toEqual({
    path: "/a",
    sort: "size",
    down: true,
    filter: "2026",
    chosen: ["/x"],
  });
});

it("addresses of restores keep what makes sense", () => {
  expect(restoreSearch({ snapshot: "zebra", target: "relative", overwrite: "maybe", delete: 1, node: "?" })).toEqual({});
  expect(restoreSearch({ repository: REPOSITORY, snapshot: 12345678, paths: "/a", target: "/", delete: true })).toEqual({
    repository: REPOSITORY,
    snapshot: "12345678",
    paths: ["/a"],
    target: "/",
    delete: true,
  });
  const into = { into: REPOSITORY, prefix: 2026 };
  expect(restoreSearch(into)).toEqual({ into: REPOSITORY, prefix: "2026" });
  expect(restoreSearch({ into: "bucket", prefix: "" })).toEqual({});
  expect([restoreSearch({ to: "/srv/old.db" }), restoreSearch({ to: "old.db" })]).toEqual([{ to: "/srv/old.db" }, {}]);
});
