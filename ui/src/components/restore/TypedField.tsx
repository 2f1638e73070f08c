import { useId } from "react";

import { Field, inputClass } from "../basics";

/** What is typed, and kept elsewhere. */
export type Typed = {
  text: string;
  type: (text: string) => void;
  /** It was entered. */
  settle: () => void;
  problem: string | undefined;
};

/** One line, or so many rows of lines. */
export function TypedField({ label, hint, typed, rows }: { label: string; hint: string; typed: Typed; rows?: number }) {
  const id = useId();
  const { problem } = typed;
  const control = {
    className: `${inputClass} font-mono`,
    value: typed.text,
    spellCheck: false,
    autoComplete: "off",
    "aria-invalid": problem !== undefined,
    "aria-describedby": id,
    onChange: ({ target }: { target: { value: string } }) => typed.type(target.value),
    onBlur: typed.settle,
  };
  return (
    <div className="max-w-lg">
      <Field label={label}>{rows === undefined ? <input {...control} /> : <textarea rows={rows} {...control} />}</Field>
      {problem === undefined ? (
        <p id={id} className="mt-1 text-xs text-faint">
          {hint}
        </p>
      ) : (
        <p id={id} role="alert" className="mt-1 text-sm text-bad wrap-anywhere">
          {problem}
        </p>
      )}
    </div>
  );
}
