// Questions about repositories and what is in them.

import { keepPreviousData, queryOptions } from "@tanstack/react-query";

import { PAGE, type Asked } from "../lib/folder";
import { answer, api, type Schemas } from "./client";

export type Snapshot = Schemas["SnapshotInfo"];
export type Comparison = Schemas["Comparison"];
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
    queryKey: ["snapshots", repository, "list"],
    queryFn: async () => {
      const params = { params: { path: { id: repository } } };
      return (await answer(api.GET("/api/v1/repositories/{id}/snapshots", params))).items;
    },
    staleTime: 60_000,
  });

/** A page of a folder of a snapshot, with how many items there are in all. */
export const folderPage = (repository: string, snapshot: string, asked: Asked, page: number) =>
  queryOptions({
    queryKey: ["folder", repository, snapshot, asked, page],
    queryFn: ({ signal }) => {
      const { path, sort, descending, name } = asked;
      const query = { path, sort, descending, skip: page * PAGE, limit: PAGE, ...(name && { name }) };
      const params = { path: { id: repository, snapshot }, query };
      return answer(api.GET("/api/v1/repositories/{id}/snapshots/{snapshot}/folder", { params, signal }));
    },
    ...FOR_GOOD,
  });

/** Where the node notes what it knows of an instance that it backed up. */
const NOTES = ".backstay";

/** Whether a snapshot is one of an instance of a database, of databases of SQLite, or of a bucket. A folder is listed only where it is. */
export const isOf = (what: "instance" | "sqlite" | "bucket", repository: string, snapshot: string) =>
  queryOptions({
    queryKey: ["folder", repository, snapshot, what],
    queryFn: async ({ client }) => {
      const holds = async (path: string, name: string) => {
        const asked = { path, sort: "name", descending: false, name } as const;
        return (await client.fetchQuery(folderPage(repository, snapshot, asked, 0))).items.some((item) => item.name === name);
      };
      return (await holds("/", NOTES)) && (await holds(`/${NOTES}`, `${what}.json`));
    },
    ...FOR_GOOD,
  });

/** The versions of an item in all snapshots, the newest first. */
export const versions = (repository: string, path: string) =>
  queryOptions({
    queryKey: ["snapshots", repository, "versions", path],
    queryFn: async () => {
      const params = { path: { id: repository }, query: { path } };
      return (await answer(api.GET("/api/v1/repositories/{id}/versions", { params }))).items;
    },
    staleTime: 60_000,
  });

/** Items by a part of their name, in all snapshots. */
export const found = (repository: string, name: string, limit: number) =>
  queryOptions({
    queryKey: ["snapshots", repository, "found", name, limit],
    queryFn: () =>
      answer(api.GET("/api/v1/repositories/{id}/find", { params: { path: { id: repository }, query: { name, limit } } })),
    staleTime: 60_000,
  });

/** What differs between two snapshots. */
export const comparison = (repository: string, from: string, to: string) =>
  queryOptions({
    queryKey: ["snapshots", repository, "comparison", from, to],
    queryFn: () =>
      answer(api.GET("/api/v1/repositories/{id}/compare", { params: { path: { id: repository }, query: { from, to } } })),
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
