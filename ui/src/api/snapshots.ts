// Questions about repositories and what is in them.

import { keepPreviousData, queryOptions } from "@tanstack/react-query";

import { answer, api, type Schemas } from "./client";

export type Snapshot = Schemas["SnapshotInfo"];
export type Repository = Schemas["RepositoryInfo"];

/** What is in a snapshot stays as it is. */
const FOR_GOOD = { staleTime: Infinity, gcTime: 10 * 60_000 };

export const repositories = (project?: string) =>
  queryOptions({
    queryKey: ["records", "repositories", project],
    queryFn: async () =>
      (await answer(api.GET("/api/v1/repositories", { params: { query: { ...(project && { project }) } } }))).items,
  });

/** All snapshots, the newest first. A node opens the repository for it, so it is not asked for lightly. */
export const snapshots = (repository: string) =>
  queryOptions({
    queryKey: ["snapshots", repository],
    queryFn: async () => {
      const params = { params: { path: { id: repository } } };
      return (await answer(api.GET("/api/v1/repositories/{id}/snapshots", params))).items;
    },
    staleTime: 60_000,
  });

export const folder = (repository: string, snapshot: string, path: string) =>
  queryOptions({
    queryKey: ["folder", repository, snapshot, path],
    queryFn: async () => {
      const params = { path: { id: repository, snapshot }, query: { path } };
      return (await answer(api.GET("/api/v1/repositories/{id}/snapshots/{snapshot}/folder", { params }))).items;
    },
    ...FOR_GOOD,
  });

export const hostFolder = (node: string, path: string) =>
  queryOptions({
    queryKey: ["host folder", node, path],
    queryFn: async () => {
      const params = { path: { id: node }, query: { path } };
      return (await answer(api.GET("/api/v1/nodes/{id}/folder", { params }))).items;
    },
    placeholderData: keepPreviousData,
  });
