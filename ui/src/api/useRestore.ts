import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";

import type { RestoreForm } from "../lib/restore";
import { answer, api } from "./client";

/** Begins a restore: one for real is shown as a run, a dry run is told of here. */
export function useRestore(tried: (search: { dry: string }) => void) {
  const queries = useQueryClient();
  const navigate = useNavigate();
  return useMutation({
    mutationFn: (form: RestoreForm) => answer(api.POST("/api/v1/restores", { body: form })),
    onSuccess: async ({ run }, { dry_run }) => {
      await queries.invalidateQueries({ queryKey: ["runs"] });
      if (dry_run) {
        tried({ dry: run });
      } else {
        await navigate({ to: "/runs/$id", params: { id: run } });
      }
    },
  });
}
