import { Plus, Trash2 } from "lucide-react";
import { useFieldArray, useFormContext } from "react-hook-form";

import { useMay } from "../../api/roles";
import { AmountField } from "../../components/AmountField";
import { Button } from "../../components/basics";
import { CommandFields } from "../../components/CommandFields";
import { CheckField, LinesField, MoreFields, SelectField, TextField } from "../../components/fields";
import { TIMES } from "../../lib/amount";
import type { PlanValues } from "../../lib/plan/form";
import { HOOK_KINDS, HOOK_TIMES, newHook } from "../../lib/plan/hooks";
import { useTexts } from "../../texts";

type Time = (typeof HOOK_TIMES)[number];

/** What a plan does around a backup. Only owners decide it. */
export function HooksFields() {
  const words = useTexts().plan;
  const { watch } = useFormContext<PlanValues>();
  const mayEdit = useMay("editHooks", watch("project"));
  return (
    <MoreFields title={words.hooks}>
      <p className="text-sm text-faint">{mayEdit ? words.hooksHint : words.hooksForOwner}</p>
      {mayEdit && HOOK_TIMES.map((time) => <HookList key={time} time={time} />)}
    </MoreFields>
  );
}

function HookList({ time }: { time: Time }) {
  const words = useTexts().plan;
  const { control } = useFormContext<PlanValues>();
  const { fields, append, remove } = useFieldArray({ control, name: `hooks.${time}` });
  return (
    <fieldset className="flex flex-col items-start gap-3">
      <legend className="mb-2 text-sm font-semibold">{words.hookTimes[time]}</legend>
      {fields.map(({ id }, index) => (
        <div key={id} className="w-full rounded border border-line p-3">
          <div className="mb-3 flex items-center justify-between gap-3">
            <h3 className="text-sm font-semibold">{words.hookStep(index + 1)}</h3>
            <Button aria-label={words.hookRemove(index + 1)} onClick={() => remove(index)}>
              <Trash2 aria-hidden size={16} />
            </Button>
          </div>
          <HookFields at={`hooks.${time}.${index}`} />
        </div>
      ))}
      {fields.length === 0 && <p className="text-sm text-faint">{words.hookNone}</p>}
      <Button onClick={() => append(newHook())}>
        <Plus aria-hidden size={16} />
        {words.hookAdd[time]}
      </Button>
    </fieldset>
  );
}

function HookFields({ at }: { at: `hooks.${Time}.${number}` }) {
  const words = useTexts().plan;
  const { watch } = useFormContext<PlanValues>();
  const [kind, method] = watch([`${at}.kind`, `${at}.method`]);
  const kinds = HOOK_KINDS.map((kind) => [kind, words.hookKinds[kind]] as const);
  return (
    <div className="flex flex-col gap-4">
      <SelectField name={`${at}.kind`} label={words.hookKind} choices={kinds} />
      {kind === "command" && <CommandFields at={at} />}
      {kind === "http" && (
        <>
          <TextField name={`${at}.url`} label={words.url} inputMode="url" spellCheck={false} />
          <SelectField
            name={`${at}.method`}
            label={words.method}
            choices={[
              ["GET", "GET"],
              ["POST", "POST"],
            ]}
          />
          {method === "POST" && <LinesField name={`${at}.body`} label={words.body} hint={words.bodyHint} rows={2} />}
        </>
      )}
      {kind !== "command" && kind !== "http" && <TextField name={`${at}.name`} label={words.unit} spellCheck={false} />}
      <AmountField name={`${at}.timeout`} label={words.timeout} units={TIMES} />
      <CheckField name={`${at}.ignore_failure`} label={words.ignoreFailure} />
    </div>
  );
}
