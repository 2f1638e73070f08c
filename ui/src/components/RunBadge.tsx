import { Ban, Check, CircleAlert, CircleDashed, CirclePause, LoaderCircle, TriangleAlert } from "lucide-react";

import type { Run } from "../api/queries";
import { useTexts } from "../texts";

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
  const [Sign, colour] = LOOKS[state];
  const going = run.state === "running" && !run.intent;
  return (
    <span className={`inline-flex items-center gap-1.5 text-sm font-semibold whitespace-nowrap ${colour}`}>
      <Sign aria-hidden size={16} className={going ? "motion-safe:animate-spin" : ""} />
      {run.intent ? texts.intents[run.intent] : texts.states[state]}
    </span>
  );
}
