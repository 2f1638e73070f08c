// The addresses of a first backup, and of what prepares for the worst.

import { createRoute, lazyRouteComponent } from "@tanstack/react-router";

import { firstBackupSearch } from "../lib/search";
import { root } from "./root";

const recovery = createRoute({
  getParentRoute: () => root,
  path: "/recovery",
  component: lazyRouteComponent(() => import("../pages/RecoveryPage"), "RecoveryPage"),
});

const guide = createRoute({
  getParentRoute: () => root,
  path: "/first-backup",
  component: lazyRouteComponent(() => import("../pages/guide/GuidePage"), "GuidePage"),
});

const firstBackup = createRoute({
  getParentRoute: () => root,
  path: "/first-backup/$plan",
  validateSearch: firstBackupSearch,
  component: lazyRouteComponent(() => import("../pages/guide/FirstBackup"), "FirstBackup"),
});

export const guideRoutes = [recovery, guide, firstBackup];
