import { CircleCheck, TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";

const SIGNS = { good: [CircleCheck, "text-good"], warn: [TriangleAlert, "text-warn"] } as const;

/** What has come of something, said where it was done. */
export function Notice({ tone = "good", children }: { tone?: keyof typeof SIGNS; children: ReactNode }) {
  const [Sign, colour] = SIGNS[tone];
  return (
    <div role="status" className="flex items-start gap-2 text-sm">
      <Sign aria-hidden size={18} className={`mt-px shrink-0 ${colour}`} />
      <div className="min-w-0 wrap-anywhere">{children}</div>
    </div>
  );
}
