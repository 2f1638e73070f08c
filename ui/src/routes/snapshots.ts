// The addresses of snapshots and what is done with them.

import { createRoute, lazyRouteComponent } from "@tanstack/react-router";

import { browseSearch, compareSearch, findSearch, restoreSearch, snapshotsSearch } from "../lib/snapshotSearch";
import { root } from "./root";

const snapshots = createRoute({
  getParentRoute: () => root,
  path: "/snapshots",
  validateSearch: snapshotsSearch,
  component: lazyRouteComponent(() => import("../pages/Snapshots"), "Snapshots"),
});

const oneSnapshot = createRoute({
  getParentRoute: () => root,
  path: "/snapshots/$repository/$snapshot",
  validateSearch: browseSearch,
  component: lazyRouteComponent(() => import("../pages/SnapshotPage"), "SnapshotPage"),
});

const restore = createRoute({
  getParentRoute: () => root,
  path: "/restore",
  validateSearch: restoreSearch,
  component: lazyRouteComponent(() => import("../pages/RestorePage"), "RestorePage"),
});

const compare = createRoute({
  getParentRoute: () => root,
  path: "/snapshots/$repository/diff",
  validateSearch: compareSearch,
  component: lazyRouteComponent(() => import("../pages/ComparePage"), "ComparePage"),
});

const search = createRoute({
  getParentRoute: () => root,
  path: "/search",
  validateSearch: findSearch,
  component: lazyRouteComponent(() => import("../pages/SearchPage"), "SearchPage"),
});

export const snapshotRoutes = [snapshots, oneSnapshot, restore, compare, search] as const;
