// The addresses of accounts, people, and what concerns the whole server.

import { createRoute, lazyRouteComponent, redirect } from "@tanstack/react-router";

import { root } from "../root";

const ownAccount = createRoute({
  getParentRoute: () => root,
  path: "/me",
  beforeLoad: () => {
    throw redirect({ to: "/me/$tab", params: { tab: "profile" }, replace: true });
  },
});

const ownAccountPart = createRoute({
  getParentRoute: () => root,
  path: "/me/$tab",
  component: lazyRouteComponent(() => import("../pages/account/AccountPage"), "AccountPage"),
});

export const peopleRoutes = [ownAccount, ownAccountPart] as const;
