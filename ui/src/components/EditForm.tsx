// A form that saves one record. What was entered is not lost: not by a refusal, not by a session that ends, and not by leaving the
// page without being asked.

import { useBlocker } from "@tanstack/react-router";
import { useEffect, useRef, useState, type ReactNode } from "react";
import { FormProvider, type FieldValues, type Path, type UseFormReturn } from "react-hook-form";

import { Problem, holdSession } from "../api/client";
import { useTexts } from "../texts";
import { Button, Failure } from "./basics";

type Props<T extends FieldValues, R> = {
  form: UseFormReturn<T, unknown, T>;
  /** What stands on the button. */
  action: string;
  /** What stands there while it is done. */
  doing?: string;
  /** Sends it; what it throws is shown. */
  save: (values: T) => Promise<R>;
  /** What is done when it is saved. */
  saved: (told: R) => void;
  /** Loads the record as somebody else has left it. */
  reload?: () => void;
  /** Where the server's names of fields differ from the form's. */
  rename?: (field: string) => string;
  /** Whether it cannot be saved by this person; why is said within. */
  isBarred?: boolean;
  children: ReactNode;
  aside?: ReactNode;
};

/** Opens what is folded around fields that are wrong, and goes to the first of them. */
function reveal(form: HTMLFormElement | null): void {
  const wrong = [...(form?.querySelectorAll<HTMLElement>("[aria-invalid=true]") ?? [])];
  for (const field of wrong) {
    for (let fold = field.closest("details"); fold !== null; fold = fold.parentElement?.closest("details") ?? null) {
      fold.open = true;
    }
  }
  wrong[0]?.focus();
}

export function EditForm<T extends FieldValues, R>(props: Props<T, R>) {
  const { form, action, doing, save, saved, reload, rename, isBarred = false, children, aside } = props;
  const texts = useTexts();
  const [problem, setProblem] = useState<Error | null>(null);
  const isDone = useRef(false);
  const { isDirty, isSubmitting, submitCount } = form.formState;
  const place = useRef<HTMLFormElement>(null);
  useEffect(() => {
    if (submitCount > 0 && !isSubmitting) {
      reveal(place.current);
    }
  }, [submitCount, isSubmitting]);
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
    let told: R;
    try {
      told = await save(values);
    } catch (error) {
      const failed = error instanceof Error ? error : new Error(String(error));
      setProblem(failed);
      if (failed instanceof Problem && failed.field !== undefined) {
        // `schedule.windows[0].from` is `schedule.windows.0.from` here.
        const field = failed.field.replace(/\[(\d+)\]/g, ".$1");
        const name = (rename?.(field) ?? field) as Path<T>;
        form.setError(name, { type: "server", message: failed.message });
      }
      return;
    }
    isDone.current = true;
    saved(told);
  });
  const isOld = problem instanceof Problem && problem.kind === "changed_meanwhile";
  return (
    <FormProvider {...form}>
      <form
        ref={place}
        noValidate
        onSubmit={(event) => (isBarred ? event.preventDefault() : void submit(event))}
        className="flex max-w-3xl flex-col gap-4"
      >
        {children}
        {problem !== null && <Failure error={problem} />}
        {isOld && reload !== undefined && (
          <div>
            <Button onClick={reload}>{texts.form.loadOther}</Button>
          </div>
        )}
        <div className="flex flex-wrap items-center gap-2">
          {!isBarred && (
            <Button type="submit" tone="accent" disabled={isSubmitting}>
              {isSubmitting ? (doing ?? texts.form.saving) : action}
            </Button>
          )}
          {aside}
        </div>
      </form>
    </FormProvider>
  );
}
