import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";

import { answer, api, type Schemas } from "./client";

/** Runs a plan now, and shows the run. */
export function useRunPlan(plan: string | undefined, kind: Schemas["RunKind"]) {
  const queries = useQueryClient();
  const navigate = useNavigate();
  return useMutation({
    mutationFn: () => {
      const params = { path: { id: plan ?? "" } };
      return answer(api.POST("/api/v1/plans/{id}/run", { params, body: { kind, guard: false } }));
    },
    onSuccess: async ({ runs: [first] }) => {
      await queries.invalidateQueries({ queryKey: ["runs"] });
      if (first !== undefined) {
        await navigate({ to: "/runs/$id", params: { id: first } });
      }
    },
  });
}
