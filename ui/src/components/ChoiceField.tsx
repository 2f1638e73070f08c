import { get, useFormContext } from "react-hook-form";

import { Choice } from "./Choice";

type Props<T extends string> = {
  name: string;
  legend: string;
  /** Whether a heading above says the same. */
  isSaid?: boolean;
  values: readonly T[];
  labels: Record<T, string>;
  hints?: Record<T, string>;
};

/** One of a few answers of a form, each with what it means. */
export function ChoiceField<T extends string>({ name, legend, isSaid = false, values, labels, hints }: Props<T>) {
  const { watch, setValue, formState } = useFormContext();
  const problem = (get(formState.errors, name) as { message?: string } | undefined)?.message;
  return (
    <Choice
      legend={legend}
      isSaid={isSaid}
      value={watch(name) as T}
      choices={values.map((value) => (hints ? ([value, labels[value], hints[value]] as const) : ([value, labels[value]] as const)))}
      choose={(value) => setValue(name, value, { shouldDirty: true })}
    >
      {problem !== undefined && (
        <p role="alert" className="mt-1 text-sm text-bad wrap-anywhere">
          {problem}
        </p>
      )}
    </Choice>
  );
}
