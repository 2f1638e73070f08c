import type { LucideIcon } from "lucide-react";

type Props = { sign: LucideIcon; colour: string; isTurning?: boolean; children: string };

/** How something stands, by sign, colour and word. */
export function Badge({ sign: Sign, colour, isTurning = false, children }: Props) {
  return (
    <span className={`inline-flex items-center gap-1.5 text-sm font-semibold whitespace-nowrap ${colour}`}>
      <Sign aria-hidden size={16} className={isTurning ? "motion-safe:animate-spin" : ""} />
      {children}
    </span>
  );
}
