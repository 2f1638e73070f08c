import { useFormContext } from "react-hook-form";

import { AmountField } from "../../components/AmountField";
import { LinesField, MoreFields, NumberField, SelectField } from "../../components/fields";
import { BYTES, TIMES } from "../../lib/amount";
import type { PlanValues } from "../../lib/plan/form";
import { useTexts } from "../../texts";

/** How much of a computer a run may take, and what its snapshots are marked with. */
export function LimitsFields() {
  const words = useTexts().plan;
  const isCopy = useFormContext<PlanValues>().watch("does") === "copy";
  const priorities = (["low", "normal", "high"] as const).map((rank) => [rank, words.priorities[rank]] as const);
  return (
    <MoreFields title={isCopy ? words.limits : words.limitsAndTags}>
      {(["upload", "download", "read"] as const).map((name) => (
        <AmountField key={name} name={`limits.${name}`} label={words[name]} hint={words.limitHint} units={BYTES} per="/s" />
      ))}
      <NumberField name="limits.concurrency" label={words.concurrency} hint={words.concurrencyHint} min={1} max={256} />
      <SelectField name="limits.priority" label={words.priority} choices={priorities} />
      <AmountField name="limits.time" label={words.time} units={TIMES} />
      <AmountField name="limits.no_progress" label={words.noProgress} units={TIMES} />
      {!isCopy && <LinesField name="tags" label={words.tags} hint={words.tagsHint} rows={2} />}
    </MoreFields>
  );
}
