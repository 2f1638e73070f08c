import { CircleCheck, CircleDashed, CircleX } from "lucide-react";

import type { Connection } from "../api/queries";
import { useTexts } from "../texts";
import { When } from "./When";

const SIGNS = {
  valid: [CircleCheck, "text-good"],
  failing: [CircleX, "text-bad"],
  unchecked: [CircleDashed, "text-faint"],
} as const;

/** How the last attempt to connect went, and when it was made. */
export function HealthBadge({ status }: { status: Connection["status"] }) {
  const texts = useTexts();
  const [Sign, colour] = SIGNS[status.health];
  return (
    <span className="inline-flex flex-wrap items-center gap-x-2 text-sm">
      <span className={`inline-flex items-center gap-1.5 font-semibold ${colour}`}>
        <Sign aria-hidden size={16} />
        {texts.records.health[status.health]}
      </span>
      {status.checked && (
        <span className="text-xs text-faint">
          <When time={status.checked} />
        </span>
      )}
    </span>
  );
}
