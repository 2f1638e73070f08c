import { Play } from "lucide-react";

import type { Plan } from "../api/queries";
import { useMay } from "../api/roles";
import { useRunPlan } from "../api/runPlan";
import { useTexts } from "../texts";
import { Button, Refused, type Tone } from "./basics";

/** Backs a plan up now, and shows the run. */
export function RunNow({ plan, tone = "plain" }: { plan: Plan; tone?: Tone }) {
  const texts = useTexts();
  const start = useRunPlan(plan.id, "backup");
  if (!useMay("runPlans", plan.project)) {
    return null;
  }
  return (
    <>
      {start.error !== null && <Refused error={start.error} />}
      <Button
        tone={tone}
        disabled={start.isPending}
        aria-label={`${texts.steer.now}: ${plan.name}`}
        onClick={() => start.mutate()}
      >
        <Play aria-hidden size={14} />
        {texts.steer.now}
      </Button>
    </>
  );
}
