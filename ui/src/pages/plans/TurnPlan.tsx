import { useMutation, useQueryClient } from "@tanstack/react-query";

import { answer, api } from "../../api/client";
import type { Plan } from "../../api/queries";
import { Button, Refused, type Tone } from "../../components/basics";
import { useTexts } from "../../texts";

/** Switches a plan's schedule on and off. */
export function TurnPlan({ plan, tone = "plain" }: { plan: Plan; tone?: Tone }) {
  const texts = useTexts();
  const queries = useQueryClient();
  const isOn = plan.enabled !== false;
  const turn = useMutation({
    mutationFn: () => {
      const params = { params: { path: { id: plan.id } } };
      return answer<unknown>(
        isOn ? api.POST("/api/v1/plans/{id}/disable", params) : api.POST("/api/v1/plans/{id}/enable", params),
      );
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ["records"] }),
  });
  const verb = isOn ? texts.plans.disable : texts.plans.enable;
  return (
    <>
      <Button tone={tone} disabled={turn.isPending} aria-label={`${verb}: ${plan.name}`} onClick={() => turn.mutate()}>
        {verb}
      </Button>
      {turn.error !== null && <Refused error={turn.error} />}
    </>
  );
}
