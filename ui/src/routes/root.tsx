// What all addresses have in common: the frame around the pages, and the project that is looked at.

import type { QueryClient } from "@tanstack/react-query";
import { createRootRouteWithContext, retainSearchParams } from "@tanstack/react-router";

import { Missing } from "../components/Missing";
import { Shell } from "../components/Shell";
import { projectSearch, type ProjectSearch } from "../lib/search";

export const root = createRootRouteWithContext<{ queries: QueryClient }>()({
  component: Shell,
  notFoundComponent: () => <Missing />,
  validateSearch: projectSearch,
  search: { middlewares: [retainSearchParams<ProjectSearch>(["project"])] },
});
