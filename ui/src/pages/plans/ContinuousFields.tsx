import { useFormContext } from "react-hook-form";

import { AmountField } from "../../components/AmountField";
import { CheckField, Fields } from "../../components/fields";
import { TIMES } from "../../lib/amount";
import type { PlanValues } from "../../lib/plan/form";
import { useTexts } from "../../texts";

/** Whether what is written between the backups is kept too. */
export function ContinuousFields() {
  const words = useTexts().plan;
  const { watch } = useFormContext<PlanValues>();
  return (
    <Fields title={words.continuous}>
      <CheckField name="continuous.on" label={words.continuousOn} hint={words.continuousHint} />
      {watch("continuous.on") && (
        <>
          <AmountField name="continuous.every" label={words.continuousEvery} hint={words.continuousEveryHint} units={TIMES} />
          <AmountField name="continuous.keep" label={words.continuousKeep} hint={words.continuousKeepHint} units={TIMES} />
        </>
      )}
    </Fields>
  );
}
