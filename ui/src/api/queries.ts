// What pages ask the server for. The first word of a key says which changes concern it (see events.ts).

import { keepPreviousData, queryOptions } from "@tanstack/react-query";

import { answer, api, type Schemas } from "./client";

export type Run = Schemas["Run"];
export type Plan = Schemas["Plan"];
export type Node = Schemas["Node"];
export type Connection = Schemas["Connection"];
export type KitState = Schemas["KitState"];
export type RunState = Schemas["RunState"];

/** What runs are chosen by; the same words as in the address of the page. */
export type RunFilter = {
  project?: string;
  kind?: Schemas["RunKind"];
  state?: string;
  plan?: string;
  source?: string;
  destination?: string;
  node?: string;
  since?: string;
  until?: string;
};

/** A filter as the server takes it: days are whole, in the person's own zone. */
function asked({ since, until, ...filter }: RunFilter) {
  const day = (text: string, later: number) => {
    const date = new Date(`${text}T00:00:00`);
    date.setDate(date.getDate() + later);
    return date.toISOString();
  };
  return { ...filter, ...(since && { since: day(since, 0) }), ...(until && { until: day(until, 1) }) };
}

/** Records of one project, or of all that one may see. */
const of = (project?: string) => ({ params: { query: { ...(project && { project }) } } });

export const me = () => queryOptions({ queryKey: ["me"], queryFn: () => answer(api.GET("/api/v1/me")) });

export const plans = (project?: string) =>
  queryOptions({
    queryKey: ["records", "plans", project],
    queryFn: async () => (await answer(api.GET("/api/v1/plans", of(project)))).items,
  });

export const sources = (project?: string) =>
  queryOptions({
    queryKey: ["records", "sources", project],
    queryFn: async () => (await answer(api.GET("/api/v1/sources", of(project)))).items,
  });

export const destinations = (project?: string) =>
  queryOptions({
    queryKey: ["records", "destinations", project],
    queryFn: async () => (await answer(api.GET("/api/v1/destinations", of(project)))).items,
  });

export const connections = (project?: string) =>
  queryOptions({
    queryKey: ["records", "connections", project],
    queryFn: async () => (await answer(api.GET("/api/v1/connections", of(project)))).items,
  });

export const nodes = (project?: string) =>
  queryOptions({
    queryKey: ["nodes", project],
    queryFn: async () => (await answer(api.GET("/api/v1/nodes", of(project)))).items,
  });

const overview = (project?: string, days?: number) =>
  answer(api.GET("/api/v1/overview", { params: { query: { ...(project && { project }), ...(days && { days }) } } }));

export type Overview = Awaited<ReturnType<typeof overview>>;

/** How all plans and repositories stand; over thirty days unless said. */
export const standing = (project?: string, days?: number) =>
  queryOptions({ queryKey: ["standing", project, days], queryFn: () => overview(project, days) });

/** How the recovery kits stand. A run may come to a place that a kit does not open yet. */
export const recoveryKits = (project?: string) =>
  queryOptions({
    queryKey: ["standing", "recovery kits", project],
    queryFn: async () => (await answer(api.GET("/api/v1/recovery-kit", of(project)))).items,
  });

const PAGE = 50;

/** A page of runs: the newest, or those that follow a place in the list. */
export const runs = (filter: RunFilter, after?: string) =>
  queryOptions({
    queryKey: ["runs", "page", filter, after],
    queryFn: () =>
      answer(
        api.GET("/api/v1/runs", { params: { query: { ...asked(filter), limit: PAGE, ...(after && { cursor: after }) } } }),
      ),
    placeholderData: keepPreviousData,
  });

export const latestRuns = (filter: RunFilter, limit: number) =>
  queryOptions({
    queryKey: ["runs", "latest", filter, limit],
    queryFn: async () =>
      (await answer(api.GET("/api/v1/runs", { params: { query: { ...asked(filter), limit } } }))).items,
  });

export const runCounts = (filter: RunFilter) =>
  queryOptions({
    queryKey: ["runs", "counts", filter],
    queryFn: () => answer(api.GET("/api/v1/runs/counts", { params: { query: asked(filter) } })),
  });

export const run = (id: string) =>
  queryOptions({
    queryKey: ["runs", "one", id],
    queryFn: () => answer(api.GET("/api/v1/runs/{id}", { params: { path: { id } } })),
  });
