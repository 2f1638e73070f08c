// What lies in snapshots, byte by byte.

import { queryOptions } from "@tanstack/react-query";

import { answer, api } from "./client";

const contentAddress = (form: string, repository: string, snapshot: string, paths: readonly string[]) =>
  `/api/v1/repositories/${repository}/snapshots/${snapshot}/${form}?${paths.map((path) => `path=${encodeURIComponent(path)}`).join("&")}`;

/** Where a browser downloads a file. */
export const fileAddress = (repository: string, snapshot: string, path: string) => contentAddress("file", repository, snapshot, [path]);

/** Longer addresses do not get through all proxies. */
const LONGEST = 8000;

/** Where it downloads folders and files as one zip archive; nothing when there are more than an address can name. */
export function zipAddress(repository: string, snapshot: string, paths: readonly string[]): string | undefined {
  const address = contentAddress("zip", repository, snapshot, paths);
  return address.length <= LONGEST ? address : undefined;
}

export type Preview = { kind: "text"; text: string } | { kind: "picture"; picture: Blob };

/** The beginning of a text, or a picture. What is neither is refused. */
export const preview = (repository: string, snapshot: string, path: string) =>
  queryOptions({
    queryKey: ["preview", repository, snapshot, path],
    queryFn: async (): Promise<Preview> => {
      const params = { path: { id: repository, snapshot }, query: { path } };
      const call = api.GET("/api/v1/repositories/{id}/snapshots/{snapshot}/preview", { params, parseAs: "blob" });
      const blob = await answer(call);
      return blob.type.startsWith("image/") ? { kind: "picture", picture: blob } : { kind: "text", text: await blob.text() };
    },
    staleTime: Infinity,
  });
