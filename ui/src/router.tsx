// Which address shows which page. What a page is filtered by stands in its address.

import type { QueryClient } from "@tanstack/react-query";
import { createRoute, createRouter, lazyRouteComponent } from "@tanstack/react-router";

import { Failure, Loading } from "./components/basics";
import { runsSearch } from "./lib/search";
import { guideRoutes } from "./routes/guide";
import { peopleRoutes } from "./routes/people";
import { recordRoutes } from "./routes/records";
import { root } from "./routes/root";
import { snapshotRoutes } from "./routes/snapshots";

const overview = createRoute({
  getParentRoute: () => root,
  path: "/",
  component: lazyRouteComponent(() => import("./pages/Overview"), "Overview"),
});

const runs = createRoute({
  getParentRoute: () => root,
  path: "/runs",
  validateSearch: runsSearch,
  component: lazyRouteComponent(() => import("./pages/Runs"), "Runs"),
});

const oneRun = createRoute({
  getParentRoute: () => root,
  path: "/runs/$id",
  component: lazyRouteComponent(() => import("./pages/RunPage"), "RunPage"),
});

const tree = root.addChildren([overview, runs, oneRun, ...guideRoutes, ...peopleRoutes, ...recordRoutes, ...snapshotRoutes]);

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
