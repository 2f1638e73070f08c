import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Play } from "lucide-react";

import { answer, api } from "../api/client";
import type { Plan } from "../api/queries";
import { useTexts } from "../texts";
import { Button } from "./basics";

/** Backs a plan up now, and shows the run. */
export function RunNow({ plan }: { plan: Plan }) {
  const texts = useTexts();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const start = useMutation({
    mutationFn: () => {
      const params = { path: { id: plan.id } };
      return answer(api.POST("/api/v1/plans/{id}/run", { params, body: { kind: "backup", guard: false } }));
    },
    onSuccess: async ({ runs: [first] }) => {
      await queries.invalidateQueries({ queryKey: ["runs"] });
      if (first !== undefined) {
        await navigate({ to: "/runs/$id", params: { id: first } });
      }
    },
  });
  return (
    <>
      {start.error !== null && (
        <span role="alert" className="text-sm text-bad wrap-anywhere">
          {start.error.message}
        </span>
      )}
      <Button disabled={start.isPending} aria-label={`${texts.steer.now}: ${plan.name}`} onClick={() => start.mutate()}>
        <Play aria-hidden size={14} />
        {texts.steer.now}
      </Button>
    </>
  );
}
