import { useId, type ReactNode } from "react";

type Props<T extends string> = {
  legend: string;
  /** Whether a heading above says the same. */
  isSaid?: boolean;
  value: T;
  choices: readonly (readonly [value: T, label: string, hint?: string])[];
  choose: (value: T) => void;
  children?: ReactNode;
};

/** One of a few answers, each with what it means. */
export function Choice<T extends string>({ legend, isSaid = false, value, choices, choose, children }: Props<T>) {
  const id = useId();
  return (
    <fieldset>
      <legend className={isSaid ? "sr-only" : "mb-1 text-sm font-semibold"}>{legend}</legend>
      <div className="flex flex-col gap-1">
        {choices.map(([one, label, hint]) => (
          <div key={one}>
            <label className="flex min-h-7 items-center gap-2 text-sm wrap-anywhere">
              <input
                type="radio"
                name={id}
                className="size-4 shrink-0 accent-accent"
                checked={one === value}
                {...(hint !== undefined && { "aria-describedby": `${id}-${one}` })}
                onChange={() => choose(one)}
              />
              {label}
            </label>
            {hint !== undefined && (
              <p id={`${id}-${one}`} className="ms-6 text-xs text-faint">
                {hint}
              </p>
            )}
          </div>
        ))}
      </div>
      {children}
    </fieldset>
  );
}
