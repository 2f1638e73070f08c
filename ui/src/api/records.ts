// What pages of single records ask the server for.

import { queryOptions } from "@tanstack/react-query";

import { itemRows, MOST_SHOWN } from "../lib/folderRows";
import { homeOf } from "../lib/home";
import { answer, api, type Schemas } from "./client";

export type Source = Schemas["Source"];
export type Destination = Schemas["Destination"];
export type Repository = Schemas["RepositoryInfo"];
export type Revision = Schemas["Revision"];
export type FolderItem = Schemas["FolderItem"];

const path = (id: string) => ({ params: { path: { id } } });

export const connection = (id: string) =>
  queryOptions({
    queryKey: ["records", "connections", "one", id],
    queryFn: () => answer(api.GET("/api/v1/connections/{id}", path(id))),
  });

export const destination = (id: string) =>
  queryOptions({
    queryKey: ["records", "destinations", "one", id],
    queryFn: () => answer(api.GET("/api/v1/destinations/{id}", path(id))),
  });

export const repositories = (destination?: string) =>
  queryOptions({
    queryKey: ["records", "repositories", destination],
    queryFn: async () => {
      const query = { ...(destination !== undefined && { destination }) };
      return (await answer(api.GET("/api/v1/repositories", { params: { query } }))).items;
    },
  });

export const source = (id: string) =>
  queryOptions({
    queryKey: ["records", "sources", "one", id],
    queryFn: () => answer(api.GET("/api/v1/sources/{id}", path(id))),
  });

export const plan = (id: string) =>
  queryOptions({
    queryKey: ["records", "plans", "one", id],
    queryFn: () => answer(api.GET("/api/v1/plans/{id}", path(id))),
  });

export const revisions = (plan: string) =>
  queryOptions({
    queryKey: ["records", "revisions", plan],
    queryFn: async () => (await answer(api.GET("/api/v1/plans/{id}/revisions", path(plan)))).items,
  });

/** The next moments that a plan is due. */
export const nextTimes = (plan: string, count = 5) =>
  queryOptions({
    queryKey: ["records", "upcoming", plan, count],
    queryFn: () => answer(api.GET("/api/v1/plans/{id}/next", { params: { path: { id: plan }, query: { count } } })),
    staleTime: 60_000,
  });

/** Which moments one can go back to, as the nodes last told. */
export const moments = (plan: string) =>
  queryOptions({
    queryKey: ["records", "moments", plan],
    queryFn: async () => (await answer(api.GET("/api/v1/plans/{id}/moments", path(plan)))).items,
    refetchInterval: 15_000,
  });

/** What a schedule comes to before a plan has it. */
export const preview = (schedule: Schemas["Schedule"]) =>
  queryOptions({
    queryKey: ["preview", schedule],
    queryFn: () => answer(api.POST("/api/v1/plans/preview", { body: { schedule, count: 5 } })),
    staleTime: 60_000,
  });

export const node = (id: string) =>
  queryOptions({
    queryKey: ["nodes", "one", id],
    queryFn: () => answer(api.GET("/api/v1/nodes/{id}", path(id))),
  });

export const joinTokens = () =>
  queryOptions({
    queryKey: ["nodes", "tokens"],
    queryFn: async () => (await answer(api.GET("/api/v1/nodes/tokens"))).items,
  });

/** Entries that one answer has at most. */
const PAGE = 5_000;

/** What lies in a folder of a node: folders first, by name. Of a folder with very many entries the first ones. */
export const folder = (node: string, path: string) =>
  queryOptions({
    queryKey: ["folder", node, path],
    queryFn: async () => {
      const found: FolderItem[] = [];
      for (;;) {
        const params = { path: { id: node }, query: { path, skip: found.length, limit: PAGE } };
        const { items, total } = await answer(api.GET("/api/v1/nodes/{id}/folder", { params }));
        found.push(...items);
        itemRows(path, found);
        if (items.length < PAGE || found.length >= Math.min(total, MOST_SHOWN)) {
          return found;
        }
      }
    },
    staleTime: Infinity,
  });

/** Where people have their folders on a node; nothing where that cannot be told. */
export const home = (node: string) =>
  queryOptions({
    queryKey: ["home", node],
    queryFn: async ({ client }) => (await homeOf((path) => client.fetchQuery(folder(node, path)).catch(() => []))) ?? null,
    staleTime: Infinity,
  });
