// What lies in snapshots, byte by byte.

import { queryOptions } from "@tanstack/react-query";

import { answer, api } from "./client";

/** Where a browser downloads a file, or a folder as a zip archive. */
export function downloadAddress(form: "file" | "zip", repository: string, snapshot: string, path: string): string {
  return `/api/v1/repositories/${repository}/snapshots/${snapshot}/${form}?path=${encodeURIComponent(path)}`;
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
