import { useFormContext } from "react-hook-form";

import { AmountField } from "../../components/AmountField";
import { Fields, LinesField, NumberField, SelectField, TextField } from "../../components/fields";
import { BYTES } from "../../lib/amount";
import { describeRetention } from "../../lib/plan/describe";
import type { PlanValues } from "../../lib/plan/form";
import { PERIODS, retentionOf, retentionSchema } from "../../lib/plan/retention";
import { useSpeech } from "../../texts";

const SPANS = ["within_hourly", "within_daily", "within_weekly", "within_monthly", "within_yearly"] as const;

/** For how long snapshots are kept. */
export function RetentionFields() {
  const { texts } = useSpeech();
  const words = texts.plan;
  const { watch } = useFormContext<PlanValues>();
  const mode = watch("retention.mode");
  const modes = (["rules", "all"] as const).map((mode) => [mode, words.keepModes[mode]] as const);
  return (
    <Fields title={words.keep}>
      <SelectField name="retention.mode" label={words.keepMode} choices={modes} />
      {mode === "rules" && (
        <>
          <p className="text-sm text-faint">{words.keepHint}</p>
          <div className="grid grid-cols-2 gap-3 sm:grid-cols-3">
            {(["last", ...PERIODS] as const).map((name) => (
              <TextField key={name} name={`retention.${name}`} label={words.keepFields[name]} inputMode="numeric" />
            ))}
          </div>
          <details>
            <summary className="text-sm font-semibold">{words.more}</summary>
            <div className="mt-3 flex flex-col gap-4">
              <TextField name="retention.within" label={words.within} hint={words.withinHint} placeholder="30d" />
              {SPANS.map((name) => (
                <TextField key={name} name={`retention.${name}`} label={words.withinFields[name]} />
              ))}
              <TextField name="retention.max_age" label={words.maxAge} hint={words.withinHint} />
              <NumberField name="retention.max_count" label={words.maxCount} hint={words.limitHint} min={1} />
              <AmountField name="retention.max_total_bytes" label={words.maxBytes} hint={words.limitHint} units={BYTES} />
              <NumberField name="retention.keep_at_least" label={words.atLeast} min={1} />
              <LinesField name="retention.tags" label={words.keepTags} hint={words.keepTagsHint} rows={2} />
            </div>
          </details>
        </>
      )}
      <Told />
    </Fields>
  );
}

function Told() {
  const { texts, language } = useSpeech();
  const { watch } = useFormContext<PlanValues>();
  const nothing = { keep: "", span: "", atLeast: "", positive: "" };
  const read = retentionSchema(nothing).safeParse(watch("retention"));
  return (
    <div role="status" className="rounded border border-line bg-ground p-3 text-sm">
      <p className="text-xs text-faint">{texts.plan.preview}</p>
      {read.success &&
        describeRetention(retentionOf(read.data), texts.plan, language).map((sentence) => <p key={sentence}>{sentence}</p>)}
    </div>
  );
}
