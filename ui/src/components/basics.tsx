// The small parts that all pages are made of.

import type { ComponentProps, ReactNode } from "react";

import { Problem } from "../api/client";
import { useTexts } from "../texts";
import { Heading } from "./Heading";

export type Tone = "plain" | "accent" | "danger" | "quiet";

const TONES: Record<Tone, string> = {
  plain: "border-edge bg-card text-text hover:bg-raised",
  accent: "border-transparent bg-accent text-on-accent hover:opacity-90",
  quiet: "border-transparent text-accent hover:bg-raised",
  danger: "border-bad bg-card text-bad hover:bg-raised",
};

export const buttonClass = (tone: Tone = "plain") =>
  `inline-flex min-h-9 items-center justify-center gap-2 rounded border px-3 py-1 text-sm font-semibold ` +
  `disabled:cursor-not-allowed disabled:opacity-60 ${TONES[tone]}`;

export function Button({ tone = "plain", className = "", ...props }: ComponentProps<"button"> & { tone?: Tone }) {
  return <button type="button" className={`${buttonClass(tone)} ${className}`} {...props} />;
}

export function Card({ title, aside, children }: { title?: string; aside?: ReactNode; children: ReactNode }) {
  return (
    <section className="rounded-lg border border-line bg-card p-4">
      {title !== undefined && (
        <header className="mb-3 flex items-baseline justify-between gap-4">
          <h2 className="min-w-0 text-base font-semibold whitespace-pre-wrap wrap-anywhere">{title}</h2>
          {aside}
        </header>
      )}
      {children}
    </section>
  );
}

type Head = {
  title: ReactNode;
  /** The part of a page that is shown. */
  part?: string;
  /** What stands beside the title. */
  badge?: ReactNode;
  /** What can be done. */
  children?: ReactNode;
};

export function PageHead({ title, part, badge, children }: Head) {
  return (
    <header className="mb-4 flex flex-wrap items-center justify-between gap-3">
      <div className="flex min-w-0 flex-wrap items-center gap-x-3">
        <Heading part={part} className="min-w-0 text-xl font-semibold whitespace-pre-wrap wrap-anywhere">
          {title}
        </Heading>
        {badge}
      </div>
      {children}
    </header>
  );
}

/** What there is to say while there is nothing to show, with the next step. */
export function Empty({ title, hint, children }: { title: string; hint?: string; children?: ReactNode }) {
  return (
    <div className="rounded-lg border border-dashed border-edge p-8 text-center">
      <p className="font-semibold">{title}</p>
      {hint !== undefined && <p className="mt-1 text-sm text-faint">{hint}</p>}
      {children !== undefined && <div className="mt-4">{children}</div>}
    </div>
  );
}

export function Loading() {
  return (
    <p role="status" className="p-4 text-sm text-faint">
      {useTexts().loading}
    </p>
  );
}

/** Why something came to nothing, in words, and what one can do. */
function useReason(error: Error): { text: string; hint: string | undefined } {
  const { problem } = useTexts();
  return error instanceof Problem
    ? { text: error.status === 0 ? problem.unreachable : error.message, hint: error.hint }
    : { text: error.message, hint: undefined };
}

/** The same in a line, beside a button. */
export function Refused({ error }: { error: Error }) {
  const { text, hint } = useReason(error);
  return (
    <span role="alert" className="text-sm text-bad wrap-anywhere">
      {text}
      {hint !== undefined && <span className="block text-faint">{hint}</span>}
    </span>
  );
}

/** Why something could not be shown or done, and what one can do. */
export function Failure({ error, again }: { error: Error; again?: () => void }) {
  const texts = useTexts();
  const { text, hint } = useReason(error);
  return (
    <div role="alert" className="rounded-lg border border-bad bg-card p-4">
      <p className="font-semibold text-bad">{texts.problem.title}</p>
      <p className="mt-1 text-sm wrap-anywhere">{text}</p>
      {hint !== undefined && <p className="mt-1 text-sm text-faint">{hint}</p>}
      {again !== undefined && (
        <Button className="mt-3" onClick={again}>
          {texts.problem.again}
        </Button>
      )}
    </div>
  );
}

export function Field({ label, children }: { label: string; children: ReactNode }) {
  return (
    <label className="flex min-w-0 flex-col gap-1 text-xs font-semibold text-faint wrap-anywhere">
      {label}
      {children}
    </label>
  );
}

export const inputClass =
  "min-h-9 w-full min-w-0 rounded border border-edge bg-card px-2 py-1 text-sm font-normal text-text";
