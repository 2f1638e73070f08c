import { Check, CircleAlert, CircleDashed, CirclePause, ClockAlert, TriangleAlert } from "lucide-react";

import type { Health } from "../lib/verdict";
import { useTexts } from "../texts";
import { Badge } from "./Badge";

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
  const [sign, colour] = LOOKS[health];
  return (
    <Badge sign={sign} colour={colour}>
      {words[health]}
    </Badge>
  );
}
