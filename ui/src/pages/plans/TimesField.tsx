import { Plus, X } from "lucide-react";
import { get, useFieldArray, useFormContext } from "react-hook-form";

import { Button, inputClass } from "../../components/basics";
import type { PlanValues } from "../../lib/plan/form";
import { useTexts } from "../../texts";

/** Times of the day; one at least. */
export function TimesField() {
  const words = useTexts().plan;
  const { control, register, formState } = useFormContext<PlanValues>();
  const { fields, append, remove } = useFieldArray({ control, name: "schedule.at" });
  return (
    <fieldset>
      <legend className="mb-1 text-sm font-semibold">{words.at}</legend>
      <div className="flex flex-wrap items-start gap-2">
        {fields.map(({ id }, index) => {
          const problem = (get(formState.errors, `schedule.at.${index}.time`) as { message?: string } | undefined)?.message;
          return (
            <div key={id}>
              <div className="flex items-center gap-1">
                <input
                  type="time"
                  aria-label={words.atNumber(index + 1)}
                  aria-invalid={problem !== undefined}
                  className={`${inputClass} w-auto!`}
                  {...register(`schedule.at.${index}.time`)}
                />
                {fields.length > 1 && (
                  <Button aria-label={words.removeTime(index + 1)} onClick={() => remove(index)}>
                    <X aria-hidden size={16} />
                  </Button>
                )}
              </div>
              {problem !== undefined && (
                <p role="alert" className="mt-1 text-sm text-bad">
                  {problem}
                </p>
              )}
            </div>
          );
        })}
        <Button onClick={() => append({ time: "12:00" })}>
          <Plus aria-hidden size={16} />
          {words.addTime}
        </Button>
      </div>
    </fieldset>
  );
}
