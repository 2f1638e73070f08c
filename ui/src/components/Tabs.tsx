import type { ReactNode } from "react";

/** The way between the parts of a page; each is a link of its own. */
export function Tabs({ label, children }: { label: string; children: ReactNode }) {
  return (
    <nav aria-label={label} className="mb-4 border-b border-line">
      <ul className="flex flex-wrap gap-x-1">{children}</ul>
    </nav>
  );
}

export const tabClass = "-mb-px flex min-h-9 items-center border-b-2 border-transparent px-3 text-sm hover:bg-raised";
export const thisTabClass = "border-b-accent! font-semibold text-accent";
