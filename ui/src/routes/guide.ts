// The addresses of what prepares for the worst.

import { createRoute, lazyRouteComponent } from "@tanstack/react-router";

import { root } from "./root";

const recovery = createRoute({
  getParentRoute: () => root,
  path: "/recovery",
  component: lazyRouteComponent(() => import("../pages/RecoveryPage"), "RecoveryPage"),
});

export const guideRoutes = [recovery];
