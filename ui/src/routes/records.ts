// The pages of what people set up: plans, and all that plans are made of.

import { createRoute, lazyRouteComponent } from "@tanstack/react-router";

import { newPlanSearch, planSearch, revisionSearch } from "../lib/plan/choice";
import { newConnectionSearch, newSourceSearch, nodeSearch } from "../lib/search";
import { root } from "./root";

const connections = createRoute({
  getParentRoute: () => root,
  path: "/connections",
  component: lazyRouteComponent(() => import("../pages/connections/Connections"), "Connections"),
});

const newConnection = createRoute({
  getParentRoute: () => root,
  path: "/connections/new",
  validateSearch: newConnectionSearch,
  component: lazyRouteComponent(() => import("../pages/connections/NewConnection"), "NewConnection"),
});

const oneConnection = createRoute({
  getParentRoute: () => root,
  path: "/connections/$id",
  component: lazyRouteComponent(() => import("../pages/connections/ConnectionPage"), "ConnectionPage"),
});

const destinations = createRoute({
  getParentRoute: () => root,
  path: "/destinations",
  component: lazyRouteComponent(() => import("../pages/destinations/Destinations"), "Destinations"),
});

const newDestination = createRoute({
  getParentRoute: () => root,
  path: "/destinations/new",
  component: lazyRouteComponent(() => import("../pages/destinations/NewDestination"), "NewDestination"),
});

const oneDestination = createRoute({
  getParentRoute: () => root,
  path: "/destinations/$id",
  component: lazyRouteComponent(() => import("../pages/destinations/DestinationPage"), "DestinationPage"),
});

const sources = createRoute({
  getParentRoute: () => root,
  path: "/sources",
  component: lazyRouteComponent(() => import("../pages/sources/Sources"), "Sources"),
});

const newSource = createRoute({
  getParentRoute: () => root,
  path: "/sources/new",
  validateSearch: newSourceSearch,
  component: lazyRouteComponent(() => import("../pages/sources/NewSource"), "NewSource"),
});

const oneSource = createRoute({
  getParentRoute: () => root,
  path: "/sources/$id",
  component: lazyRouteComponent(() => import("../pages/sources/SourcePage"), "SourcePage"),
});

const plans = createRoute({
  getParentRoute: () => root,
  path: "/plans",
  validateSearch: planSearch,
  component: lazyRouteComponent(() => import("../pages/plans/Plans"), "Plans"),
});

const newPlan = createRoute({
  getParentRoute: () => root,
  path: "/plans/new",
  validateSearch: newPlanSearch,
  component: lazyRouteComponent(() => import("../pages/plans/NewPlan"), "NewPlan"),
});

const onePlan = createRoute({
  getParentRoute: () => root,
  path: "/plans/$id",
  component: lazyRouteComponent(() => import("../pages/plans/PlanPage"), "PlanPage"),
});

const editPlan = createRoute({
  getParentRoute: () => root,
  path: "/plans/$id/edit",
  component: lazyRouteComponent(() => import("../pages/plans/EditPlan"), "EditPlan"),
});

const planRevisions = createRoute({
  getParentRoute: () => root,
  path: "/plans/$id/revisions",
  validateSearch: revisionSearch,
  component: lazyRouteComponent(() => import("../pages/plans/Revisions"), "Revisions"),
});

const nodes = createRoute({
  getParentRoute: () => root,
  path: "/nodes",
  component: lazyRouteComponent(() => import("../pages/nodes/Nodes"), "Nodes"),
});

const newNode = createRoute({
  getParentRoute: () => root,
  path: "/nodes/new",
  validateSearch: nodeSearch,
  component: lazyRouteComponent(() => import("../pages/nodes/NewNode"), "NewNode"),
});

const oneNode = createRoute({
  getParentRoute: () => root,
  path: "/nodes/$id",
  component: lazyRouteComponent(() => import("../pages/nodes/NodePage"), "NodePage"),
});

export const recordRoutes = [
  connections,
  newConnection,
  oneConnection,
  destinations,
  newDestination,
  oneDestination,
  sources,
  newSource,
  oneSource,
  plans,
  newPlan,
  onePlan,
  editPlan,
  planRevisions,
  nodes,
  newNode,
  oneNode,
] as const;
