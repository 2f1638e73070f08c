import { useId } from "react";
import { get, useFormContext } from "react-hook-form";

import type { Units } from "../lib/amount";
import { useTexts } from "../texts";
import { inputClass } from "./basics";

type Props = { name: string; label: string; hint?: string; units: Units; only?: readonly string[]; per?: string };

/** A number with its unit. An empty number is nothing. */
export function AmountField({ name, label, hint, units, only, per = "" }: Props) {
  const texts = useTexts();
  const id = useId();
  const { register, formState } = useFormContext();
  const problem = ((get(formState.errors, `${name}.amount`) ?? get(formState.errors, name)) as { message?: string } | undefined)
    ?.message;
  const setValueAs = (value: unknown) => (value === "" || value === null || value === undefined ? null : Number(value));
  const described = [hint !== undefined && `${id}-hint`, problem !== undefined && `${id}-problem`].filter(Boolean).join(" ");
  return (
    <div>
      <label htmlFor={id} className="mb-1 block text-sm font-semibold">
        {label}
      </label>
      <div className="flex max-w-xs gap-2">
        <input
          id={id}
          type="number"
          min={0}
          step="any"
          inputMode="decimal"
          className={inputClass}
          aria-invalid={problem !== undefined}
          {...(described !== "" && { "aria-describedby": described })}
          {...register(`${name}.amount`, { setValueAs })}
        />
        <select aria-label={texts.records.unitOf(label)} className={`${inputClass} w-auto! shrink-0`} {...register(`${name}.unit`)}>
          {units
            .filter(([unit]) => only === undefined || only.includes(unit))
            .map(([unit]) => (
              <option key={unit} value={unit}>
                {(texts.records.units as Record<string, string>)[unit] ?? unit}
                {per}
              </option>
            ))}
        </select>
      </div>
      {hint !== undefined && (
        <p id={`${id}-hint`} className="mt-1 text-xs text-faint">
          {hint}
        </p>
      )}
      {problem !== undefined && (
        <p id={`${id}-problem`} role="alert" className="mt-1 text-sm text-bad wrap-anywhere">
          {problem}
        </p>
      )}
    </div>
  );
}
