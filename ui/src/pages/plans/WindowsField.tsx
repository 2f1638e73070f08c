import { Plus, X } from "lucide-react";
import { useFieldArray, useFormContext } from "react-hook-form";

import { Button } from "../../components/basics";
import { TextField } from "../../components/fields";
import type { PlanValues } from "../../lib/plan/form";
import { useTexts } from "../../texts";
import { DaysField } from "./ScheduleFields";

/** The hours in which runs may start. */
export function WindowsField() {
  const words = useTexts().plan;
  const { control } = useFormContext<PlanValues>();
  const { fields, append, remove } = useFieldArray({ control, name: "schedule.windows" });
  return (
    <fieldset>
      <legend className="text-sm font-semibold">{words.windows}</legend>
      <p className="mb-2 text-xs text-faint">{words.windowsHint}</p>
      <div className="flex flex-col items-start gap-3">
        {fields.map(({ id }, index) => (
          <div key={id} className="flex w-full flex-col gap-3 rounded border border-line p-3">
            <div className="flex flex-wrap items-end gap-3">
              <TextField name={`schedule.windows.${index}.from`} type="time" label={words.from} />
              <TextField name={`schedule.windows.${index}.until`} type="time" label={words.until} />
              <Button aria-label={words.removeWindow(index + 1)} onClick={() => remove(index)}>
                <X aria-hidden size={16} />
              </Button>
            </div>
            <DaysField name={`schedule.windows.${index}.days`} label={words.windowDays} />
          </div>
        ))}
        <Button onClick={() => append({ days: [], from: "22:00", until: "06:00" })}>
          <Plus aria-hidden size={16} />
          {words.addWindow}
        </Button>
      </div>
    </fieldset>
  );
}
