// The addresses of accounts, people, and what concerns the whole server.

import { createRoute, lazyRouteComponent, redirect } from "@tanstack/react-router";

import { auditSearch, clientSearch, notifierSearch, peopleSearch, projectsSearch } from "../lib/peopleSearch";
import { root } from "./root";

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

const people = createRoute({
  getParentRoute: () => root,
  path: "/people",
  validateSearch: peopleSearch,
  component: lazyRouteComponent(() => import("../pages/people/PeoplePage"), "PeoplePage"),
});

const newPerson = createRoute({
  getParentRoute: () => root,
  path: "/people/new",
  component: lazyRouteComponent(() => import("../pages/people/NewPerson"), "NewPerson"),
});

const onePerson = createRoute({
  getParentRoute: () => root,
  path: "/people/$id",
  component: lazyRouteComponent(() => import("../pages/people/PersonPage"), "PersonPage"),
});

const projects = createRoute({
  getParentRoute: () => root,
  path: "/projects",
  validateSearch: projectsSearch,
  component: lazyRouteComponent(() => import("../pages/people/Projects"), "Projects"),
});

const audit = createRoute({
  getParentRoute: () => root,
  path: "/audit",
  validateSearch: auditSearch,
  component: lazyRouteComponent(() => import("../pages/audit/AuditPage"), "AuditPage"),
});

const alerts = createRoute({
  getParentRoute: () => root,
  path: "/alerts",
  component: lazyRouteComponent(() => import("../pages/alerts/AlertsPage"), "AlertsPage"),
});

const newNotifier = createRoute({
  getParentRoute: () => root,
  path: "/alerts/new",
  validateSearch: notifierSearch,
  component: lazyRouteComponent(() => import("../pages/alerts/NotifierPage"), "NewNotifier"),
});

const oneNotifier = createRoute({
  getParentRoute: () => root,
  path: "/alerts/$id",
  component: lazyRouteComponent(() => import("../pages/alerts/NotifierPage"), "EditNotifier"),
});

const settings = createRoute({
  getParentRoute: () => root,
  path: "/settings",
  beforeLoad: () => {
    throw redirect({ to: "/settings/$section", params: { section: "sign-in" }, replace: true });
  },
});

const newClient = createRoute({
  getParentRoute: () => root,
  path: "/settings/receiver/add",
  component: lazyRouteComponent(() => import("../pages/settings/receiver/NewClient"), "NewClient"),
});

const oneClient = createRoute({
  getParentRoute: () => root,
  path: "/settings/receiver/clients/$client",
  validateSearch: clientSearch,
  component: lazyRouteComponent(() => import("../pages/settings/receiver/ClientPage"), "ClientPage"),
});

const settingsSection = createRoute({
  getParentRoute: () => root,
  path: "/settings/$section",
  component: lazyRouteComponent(() => import("../pages/settings/SettingsPage"), "SettingsPage"),
});

export const peopleRoutes = [
  ownAccount,
  ownAccountPart,
  people,
  newPerson,
  onePerson,
  projects,
  audit,
  alerts,
  newNotifier,
  oneNotifier,
  settings,
  settingsSection,
  newClient,
  oneClient,
] as const;
