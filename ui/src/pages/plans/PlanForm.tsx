import { zodResolver } from "@hookform/resolvers/zod";
import { useMemo } from "react";
import { useForm } from "react-hook-form";

import { AmountField } from "../../components/AmountField";
import { EditForm } from "../../components/EditForm";
import { Fields, NumberField } from "../../components/fields";
import { TIMES } from "../../lib/amount";
import { planSchema, renamed, type PlanValues } from "../../lib/plan/form";
import { useTexts } from "../../texts";
import { ContinuousFields } from "./ContinuousFields";
import { HooksFields } from "./HooksFields";
import { LimitsFields } from "./LimitsFields";
import { PartsFields } from "./PartsFields";
import { RetentionFields } from "./RetentionFields";
import { ScheduleFields } from "./ScheduleFields";

type Props<R> = {
  values: PlanValues;
  isNew: boolean;
  save: (values: PlanValues) => Promise<R>;
  saved: (told: R) => void;
  reload?: () => void;
};

export function PlanForm<R>({ values, isNew, ...rest }: Props<R>) {
  const texts = useTexts();
  const words = texts.plan;
  const schema = useMemo(
    () =>
      planSchema({
        required: texts.form.required,
        time: texts.form.required,
        positive: words.positive,
        keep: words.keepWrong,
        span: words.spanWrong,
        atLeast: words.atLeastWrong,
        url: words.urlWrong,
        unit: words.unitWrong,
        variable: words.variableWrong,
        source: words.needSource,
        destination: words.needDestination,
        percent: words.percentWrong,
        tag: words.tagWrong,
        atOnce: words.concurrencyWrong,
      }),
    [texts, words],
  );
  const form = useForm<PlanValues>({ defaultValues: values, resolver: zodResolver(schema) });
  const [does, isMirror] = form.watch(["does", "copy.mirror"]);
  return (
    <EditForm form={form} action={isNew ? words.create : words.save} rename={renamed} {...rest}>
      <PartsFields isNew={isNew} />
      <ScheduleFields />
      {!(does === "copy" && isMirror) && <RetentionFields />}
      {does === "backup" && <ContinuousFields />}
      <Fields title={words.check}>
        <AmountField name="verification.every" label={words.checkEvery} hint={words.checkEveryHint} units={TIMES} />
        <NumberField name="verification.read_percent" label={words.percent} min={0} max={100} step="any" />
      </Fields>
      <HooksFields />
      <LimitsFields />
    </EditForm>
  );
}
