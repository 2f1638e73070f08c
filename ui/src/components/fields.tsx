// The fields of forms: each with its label, what it means, and what is wrong with it.

import { useId, type ComponentProps, type ReactNode } from "react";
import { get, useFormContext, type RegisterOptions } from "react-hook-form";

import { inputClass } from "./basics";

type About = { name: string; label: string; hint?: ReactNode };

/** What ties a control to its words. */
function useField(name: string, hint: ReactNode) {
  const id = useId();
  const { formState } = useFormContext();
  const told = get(formState.errors, name) as { message?: string; root?: { message?: string } } | undefined;
  const problem = told?.message ?? told?.root?.message;
  const described = [hint !== undefined && `${id}-hint`, problem !== undefined && `${id}-problem`].filter(Boolean);
  return {
    problem,
    hintId: `${id}-hint`,
    problemId: `${id}-problem`,
    control: {
      id,
      "aria-invalid": problem !== undefined,
      ...(described.length > 0 && { "aria-describedby": described.join(" ") }),
    },
  };
}

type Words = { problem: string | undefined; hint: ReactNode; hintId: string; problemId: string };

function Below({ problem, hint, hintId, problemId }: Words) {
  return (
    <>
      {hint !== undefined && (
        <p id={hintId} className="mt-1 text-xs text-faint">
          {hint}
        </p>
      )}
      {problem !== undefined && (
        <p id={problemId} role="alert" className="mt-1 text-sm text-bad wrap-anywhere">
          {problem}
        </p>
      )}
    </>
  );
}

const labelClass = "mb-1 block text-sm font-semibold whitespace-pre-wrap wrap-anywhere";

export function TextField({
  name,
  label,
  hint,
  rules,
  ...props
}: About & { rules?: RegisterOptions } & Omit<ComponentProps<"input">, "name">) {
  const { register } = useFormContext();
  const { control, ...below } = useField(name, hint);
  return (
    <div>
      <label htmlFor={control.id} className={labelClass}>
        {label}
      </label>
      <input className={inputClass} autoComplete="off" {...props} {...control} {...register(name, rules)} />
      <Below {...below} hint={hint} />
    </div>
  );
}

/** A number; an empty field is `null`. */
export function NumberField({ ...props }: About & Omit<ComponentProps<"input">, "name" | "type">) {
  const setValueAs = (value: unknown) => (value === "" || value === null || value === undefined ? null : Number(value));
  return <TextField type="number" inputMode="numeric" {...props} rules={{ setValueAs }} />;
}

/** Several lines, each of which is an entry. */
export function LinesField({ name, label, hint, rows = 3 }: About & { rows?: number }) {
  const { register } = useFormContext();
  const { control, ...below } = useField(name, hint);
  return (
    <div>
      <label htmlFor={control.id} className={labelClass}>
        {label}
      </label>
      <textarea className={`${inputClass} font-mono`} rows={rows} spellCheck={false} {...control} {...register(name)} />
      <Below {...below} hint={hint} />
    </div>
  );
}

/** One of several. The select is made anew when the choices change: only then it shows a value whose choice came late. */
export function SelectField({
  name,
  label,
  hint,
  choices,
  ...props
}: About & { choices: readonly (readonly [string, string])[] } & Omit<ComponentProps<"select">, "name">) {
  const { register } = useFormContext();
  const { control, ...below } = useField(name, hint);
  return (
    <div>
      <label htmlFor={control.id} className={labelClass}>
        {label}
      </label>
      <select key={choices.join()} className={inputClass} {...props} {...control} {...register(name)}>
        {choices.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
      <Below {...below} hint={hint} />
    </div>
  );
}

export function CheckField({ name, label, hint }: About) {
  const { register } = useFormContext();
  const { control, ...below } = useField(name, hint);
  return (
    <div>
      <label className="flex min-h-6 items-center gap-2 text-sm">
        <input type="checkbox" className="size-4 accent-accent" {...control} {...register(name)} />
        {label}
      </label>
      <Below {...below} hint={hint} />
    </div>
  );
}

/** Several boxes of one question; the value is a list of those that are ticked. */
export function ChecksField({
  name,
  label,
  hint,
  choices,
}: About & { choices: readonly (readonly [string, string])[] }) {
  const { register } = useFormContext();
  const { control, ...below } = useField(name, hint);
  const { id, ...told } = control;
  return (
    <fieldset id={id} className="min-w-0" {...told}>
      <legend className={labelClass}>{label}</legend>
      <div className="flex flex-col gap-1">
        {choices.map(([value, text]) => (
          <label key={value} className="flex min-h-6 items-center gap-2 text-sm wrap-anywhere">
            <input type="checkbox" className="size-4 shrink-0 accent-accent" value={value} {...register(name)} />
            {text}
          </label>
        ))}
      </div>
      <Below {...below} hint={hint} />
    </fieldset>
  );
}

/** Fields that belong together. */
export function Fields({ title, hint, children }: { title: string; hint?: string; children: ReactNode }) {
  return (
    <section className="rounded-lg border border-line bg-card p-4">
      <h2 className="text-base font-semibold">{title}</h2>
      {hint !== undefined && <p className="mt-1 text-sm text-faint">{hint}</p>}
      <div className="mt-3 flex flex-col gap-4">{children}</div>
    </section>
  );
}

/** Fields that few people need. */
export function MoreFields({ title, children }: { title: string; children: ReactNode }) {
  return (
    <details className="rounded-lg border border-line bg-card p-4">
      <summary className="text-base font-semibold">{title}</summary>
      <div className="mt-3 flex flex-col gap-4">{children}</div>
    </details>
  );
}
