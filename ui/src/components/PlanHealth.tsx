import { Check, CircleAlert, CircleDashed, CirclePause, ClockAlert, TriangleAlert } from "lucide-react";

import type { Health } from "../lib/verdict";
import { useTexts } from "../texts";

const LOOKS: Record<Health, [typeof Check, string]> = {
  good: [Check, "text-good"],
  failed: [CircleAlert, "text-bad"],
  partly: [TriangleAlert, "text-warn"],
  overdue: [ClockAlert, "text-bad"],
  never: [CircleDashed, "text-faint"],
  off: [CirclePause, "text-faint"],
};

/** How a plan stands, by sign, colour and word. */
export function PlanHealth({ health }: { health: Health }) {
  const words = useTexts().overview.health;
  const [Sign, colour] = LOOKS[health];
  return (
    <span className={`inline-flex items-center gap-1.5 text-sm font-semibold whitespace-nowrap ${colour}`}>
      <Sign aria-hidden size={16} />
      {words[health]}
    </span>
  );
}
