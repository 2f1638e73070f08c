// Which address shows which page. What a page is filtered by stands in its address.

import type { QueryClient } from "@tanstack/react-query";
import { createRootRouteWithContext, createRoute, createRouter, lazyRouteComponent } from "@tanstack/react-router";

import { Failure, Loading } from "./components/basics";
import { Missing } from "./components/Missing";
import { Shell } from "./components/Shell";
import { runSearch } from "./lib/search";
import { browseSearch, restoreSearch, snapshotsSearch } from "./lib/snapshotSearch";

const root = createRootRouteWithContext<{ queries: QueryClient }>()({
  component: Shell,
  notFoundComponent: Missing,
});

const overview = createRoute({
  getParentRoute: () => root,
  path: "/",
  component: lazyRouteComponent(() => import("./pages/Overview"), "Overview"),
});

const plans = createRoute({
  getParentRoute: () => root,
  path: "/plans",
  component: lazyRouteComponent(() => import("./pages/Plans"), "Plans"),
});

const runs = createRoute({
  getParentRoute: () => root,
  path: "/runs",
  validateSearch: runSearch,
  component: lazyRouteComponent(() => import("./pages/Runs"), "Runs"),
});

const oneRun = createRoute({
  getParentRoute: () => root,
  path: "/runs/$id",
  component: lazyRouteComponent(() => import("./pages/RunPage"), "RunPage"),
});

const nodes = createRoute({
  getParentRoute: () => root,
  path: "/nodes",
  component: lazyRouteComponent(() => import("./pages/Nodes"), "Nodes"),
});

const snapshots = createRoute({
  getParentRoute: () => root,
  path: "/snapshots",
  validateSearch: snapshotsSearch,
  component: lazyRouteComponent(() => import("./pages/Snapshots"), "Snapshots"),
});

const oneSnapshot = createRoute({
  getParentRoute: () => root,
  path: "/snapshots/$repository/$snapshot",
  validateSearch: browseSearch,
  component: lazyRouteComponent(() => import("./pages/SnapshotPage"), "SnapshotPage"),
});

const restore = createRoute({
  getParentRoute: () => root,
  path: "/restore",
  validateSearch: restoreSearch,
  component: lazyRouteComponent(() => import("./pages/RestorePage"), "RestorePage"),
});

const tree = root.addChildren([overview, plans, runs, oneRun, nodes, snapshots, oneSnapshot, restore]);

export function makeRouter(queries: QueryClient) {
  return createRouter({
    routeTree: tree,
    context: { queries },
    defaultPreload: "intent",
    scrollRestoration: true,
    defaultPendingComponent: Loading,
    defaultErrorComponent: ({ error, reset }) => (
      <Failure error={error instanceof Error ? error : new Error(String(error))} again={reset} />
    ),
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}
