import { useFormContext } from "react-hook-form";

import { AmountField } from "../../components/AmountField";
import { CheckField, ChecksField, Fields, NumberField, SelectField, TextField } from "../../components/fields";
import { TIMES } from "../../lib/amount";
import { dayName } from "../../lib/plan/describe";
import type { PlanValues } from "../../lib/plan/form";
import { KINDS, WEEKDAYS } from "../../lib/plan/schedule";
import { useSpeech } from "../../texts";
import { SchedulePreview } from "./SchedulePreview";
import { TimesField } from "./TimesField";
import { WindowsField } from "./WindowsField";

const ZONES = Intl.supportedValuesOf("timeZone");

/** When a plan runs, and what that comes to. */
export function ScheduleFields() {
  const { texts } = useSpeech();
  const words = texts.plan;
  const { watch } = useFormContext<PlanValues>();
  const kind = watch("schedule.kind");
  const goesByClock = kind !== "manual" && kind !== "every";
  return (
    <Fields title={words.when}>
      <SelectField name="schedule.kind" label={words.kind} choices={KINDS.map((kind) => [kind, words.kinds[kind]] as const)} />
      {kind === "every" && <AmountField name="schedule.every" label={words.every} units={TIMES} only={["m", "h", "d"]} />}
      {kind === "cron" && <TextField name="schedule.cron" label={words.cron} hint={words.cronHint} spellCheck={false} />}
      {kind === "weekly" && <DaysField name="schedule.days" label={words.days} />}
      {kind === "monthly" && <DayField />}
      {["daily", "weekly", "monthly"].includes(kind) && <TimesField />}
      {goesByClock && (
        <>
          <TextField name="schedule.zone" label={words.zone} hint={words.zoneHint} list="zones" spellCheck={false} />
          <datalist id="zones">
            {ZONES.map((zone) => (
              <option key={zone} value={zone} />
            ))}
          </datalist>
        </>
      )}
      {kind !== "manual" && (
        <details>
          <summary className="text-sm font-semibold">{words.more}</summary>
          <div className="mt-3 flex flex-col gap-4">
            <AmountField name="schedule.jitter" label={words.jitter} hint={words.jitterHint} units={TIMES} />
            <WindowsField />
            <CheckField name="schedule.catch_up" label={words.catchUp} hint={words.catchUpHint} />
            <CheckField name="schedule.avoid_battery" label={words.battery} />
            <NumberField name="schedule.max_load" label={words.load} hint={words.loadHint} step="any" min={0} />
          </div>
        </details>
      )}
      <SchedulePreview />
    </Fields>
  );
}

export function DaysField({ name, label }: { name: string; label: string }) {
  const { language } = useSpeech();
  return <ChecksField name={name} label={label} choices={WEEKDAYS.map((day) => [day, dayName(day, language)] as const)} />;
}

function DayField() {
  const { texts } = useSpeech();
  const days = Array.from({ length: 31 }, (_, index) => [String(index + 1), String(index + 1)] as const);
  const choices = [...days, ["last", texts.plan.lastDay] as const];
  return <SelectField name="schedule.day" label={texts.plan.day} hint={texts.plan.dayHint} choices={choices} />;
}
