import type { ReactNode } from "react";

/** A step of a page that is gone through from top to bottom. */
export function Step({ number, title, children }: { number: number; title: string; children: ReactNode }) {
  return (
    <section className="rounded-lg border border-line bg-card p-4" aria-labelledby={`step-${number}`}>
      <h2 id={`step-${number}`} className="mb-3 flex items-center gap-3 text-base font-semibold">
        <span aria-hidden className="grid size-7 shrink-0 place-items-center rounded-full bg-raised text-sm text-accent">
          {number}
        </span>
        {title}
      </h2>
      {children}
    </section>
  );
}
