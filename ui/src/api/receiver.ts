// What the page of the receiver asks the server for.

import { keepPreviousData, queryOptions } from "@tanstack/react-query";

import { answer, api, type Schemas } from "./client";

export type Client = Schemas["ReceiverClient"];
export type Upload = Schemas["ReceiverUpload"];

/** No stream tells of what comes in, so it is asked for: so often in milliseconds. */
const EVERY = 3_000;
const PAGE = 50;

export const receiver = () =>
  queryOptions({ queryKey: ["receiver", "state"], queryFn: () => answer(api.GET("/api/v1/receiver")), refetchInterval: EVERY });

export const clients = () =>
  queryOptions({
    queryKey: ["receiver", "clients"],
    queryFn: async () => (await answer(api.GET("/api/v1/receiver/clients"))).items,
    refetchInterval: EVERY,
  });

export const client = (name: string) =>
  queryOptions({
    queryKey: ["receiver", "client", name],
    queryFn: () => answer(api.GET("/api/v1/receiver/clients/{name}", { params: { path: { name } } })),
    refetchInterval: EVERY,
  });

/** Of one client, or of all. */
export const uploads = (client?: string) =>
  queryOptions({
    queryKey: ["receiver", "uploads", client],
    queryFn: async () =>
      (await answer(api.GET("/api/v1/receiver/uploads", { params: { query: { ...(client && { client }) } } }))).items,
    refetchInterval: EVERY,
  });

export const files = (client: string, after?: string) =>
  queryOptions({
    queryKey: ["receiver", "files", client, after],
    queryFn: () =>
      answer(api.GET("/api/v1/receiver/files", { params: { query: { client, limit: PAGE, ...(after && { cursor: after }) } } })),
    placeholderData: keepPreviousData,
  });
