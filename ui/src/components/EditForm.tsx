// A form that saves one record. What was entered is not lost: not by a refusal, not by a session that ends, and not by leaving the
// page without being asked.

import { useBlocker } from "@tanstack/react-router";
import { useEffect, useRef, useState, type ReactNode } from "react";
import { FormProvider, type FieldValues, type Path, type UseFormReturn } from "react-hook-form";

import { Problem, holdSession } from "../api/client";
import { useTexts } from "../texts";
import { Button, Failure } from "./basics";

type Props<T extends FieldValues> = {
  form: UseFormReturn<T, unknown, T>;
  /** What stands on the button. */
  action: string;
  /** Sends it; what it throws is shown. */
  save: (values: T) => Promise<unknown>;
  /** What is done when it is saved. */
  saved: () => void;
  /** Where the server's names of fields differ from the form's. */
  rename?: (field: string) => string;
  children: ReactNode;
  aside?: ReactNode;
};

export function EditForm<T extends FieldValues>({ form, action, save, saved, rename, children, aside }: Props<T>) {
  const texts = useTexts();
  const [problem, setProblem] = useState<Error | null>(null);
  const isDone = useRef(false);
  const { isDirty, isSubmitting } = form.formState;
  useEffect(() => {
    if (isDirty) {
      return holdSession();
    }
    // What is entered after it was saved is not saved yet.
    isDone.current = false;
    return undefined;
  }, [isDirty]);
  useBlocker({
    shouldBlockFn: () => isDirty && !isDone.current && !window.confirm(texts.form.leave),
    enableBeforeUnload: () => isDirty && !isDone.current,
  });
  const submit = form.handleSubmit(async (values) => {
    setProblem(null);
    try {
      await save(values);
    } catch (error) {
      const told = error instanceof Error ? error : new Error(String(error));
      setProblem(told);
      if (told instanceof Problem && told.field !== undefined) {
        // `schedule.windows[0].from` is `schedule.windows.0.from` here.
        const field = told.field.replace(/\[(\d+)\]/g, ".$1");
        form.setError((rename?.(field) ?? field) as Path<T>, { type: "server", message: told.message }, { shouldFocus: true });
      }
      return;
    }
    isDone.current = true;
    saved();
  });
  return (
    <FormProvider {...form}>
      <form noValidate onSubmit={(event) => void submit(event)} className="flex max-w-3xl flex-col gap-4">
        {children}
        {problem !== null && <Failure error={problem} />}
        <div className="flex flex-wrap items-center gap-2">
          <Button type="submit" tone="accent" disabled={isSubmitting}>
            {isSubmitting ? texts.form.saving : action}
          </Button>
          {aside}
        </div>
      </form>
    </FormProvider>
  );
}
