import { Ban, Check, CircleAlert, CircleDashed, CirclePause, LoaderCircle, TriangleAlert } from "lucide-react";

import type { Run } from "../api/queries";
import { useTexts } from "../texts";
import { Badge } from "./Badge";

type ShownState = Run["state"] | "incomplete";

/** The state of a run, with what it left out told apart. */
function shownState(run: Run): ShownState {
  return run.state === "completed" && (run.outcome?.errors ?? 0) > 0 ? "incomplete" : run.state;
}

const LOOKS: Record<ShownState, [typeof Check, string]> = {
  pending: [CircleDashed, "text-faint"],
  running: [LoaderCircle, "text-accent"],
  paused: [CirclePause, "text-warn"],
  completed: [Check, "text-good"],
  incomplete: [TriangleAlert, "text-warn"],
  failed: [CircleAlert, "text-bad"],
  cancelled: [Ban, "text-faint"],
};

/** The state of a run, by sign, colour and word. */
export function RunBadge({ run }: { run: Run }) {
  const texts = useTexts();
  const state = shownState(run);
  const [sign, colour] = LOOKS[state];
  return (
    <Badge sign={sign} colour={colour} isTurning={run.state === "running" && !run.intent}>
      {run.intent ? texts.intents[run.intent] : texts.states[state]}
    </Badge>
  );
}
