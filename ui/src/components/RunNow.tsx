import { Play } from "lucide-react";

import type { Plan } from "../api/queries";
import { useMay } from "../api/roles";
import { useRunPlan } from "../api/runPlan";
import { useTexts } from "../texts";
import { Button, Refused, type Tone } from "./basics";

/** Runs what a plan is for now, and shows the run. */
export function RunNow({ plan, tone = "plain" }: { plan: Plan; tone?: Tone }) {
  const texts = useTexts();
  const start = useRunPlan(plan.id, plan.copy ? "copy" : "backup");
  if (!useMay("runPlans", plan.project)) {
    return null;
  }
  const verb = plan.copy ? texts.steer.copyNow : texts.steer.now;
  return (
    <>
      {start.error !== null && <Refused error={start.error} />}
      <Button
        tone={tone}
        disabled={start.isPending}
        aria-label={`${verb}: ${plan.name}`}
        onClick={() => start.mutate()}
      >
        <Play aria-hidden size={14} />
        {verb}
      </Button>
    </>
  );
}
