import { zodResolver } from "@hookform/resolvers/zod";
import { useMemo } from "react";
import { useForm } from "react-hook-form";

import { AmountField } from "../../../components/AmountField";
import { EditForm } from "../../../components/EditForm";
import { CheckField, Fields, NumberField, TextField } from "../../../components/fields";
import { BYTES } from "../../../lib/amount";
import { clientSchema, type ClientValues } from "../../../lib/receiver";
import { useTexts } from "../../../texts";

const SIZES = ["MiB", "GiB", "TiB"];

type Props<R> = {
  isNew: boolean;
  values: ClientValues;
  save: (values: ClientValues) => Promise<R>;
  saved: (told: R) => void;
  reload?: () => void;
};

/** What a client may. What it is called and its folder are chosen once. */
export function ClientForm<R>({ isNew, values, ...rest }: Props<R>) {
  const texts = useTexts();
  const words = texts.receiver;
  const schema = useMemo(
    () =>
      clientSchema({
        required: texts.form.required,
        name: words.nameWrong,
        folder: words.folderWrong,
        whole: words.whole,
        positive: texts.plan.positive,
      }),
    [texts, words],
  );
  const form = useForm<ClientValues>({ defaultValues: values, resolver: zodResolver(schema) });
  return (
    <EditForm
      form={form}
      action={isNew ? words.add : texts.form.save}
      rename={(field) => field.replace(/^retention\./, "")}
      {...rest}
    >
      <Fields title={words.client}>
        {isNew && (
          <>
            <TextField name="name" label={texts.form.name} hint={words.nameHint} maxLength={100} spellCheck={false} />
            <TextField name="folder" label={words.clientFolder} hint={words.clientFolderHint} spellCheck={false} />
          </>
        )}
        <AmountField name="quota" label={words.quota} hint={words.quotaHint} units={BYTES} only={SIZES} />
        <CheckField name="append_only" label={words.appendOnly} hint={words.appendOnlyHint} />
        <TextField name="expires" label={words.expires} hint={words.expiresHint} type="date" />
      </Fields>
      <Fields title={words.retention} hint={words.retentionHint}>
        <div className="grid gap-4 sm:grid-cols-2">
          <NumberField name="max_age_days" label={words.days} min={1} />
          <NumberField name="max_count" label={words.count} min={1} />
          <AmountField name="max_bytes" label={words.space} units={BYTES} only={SIZES} />
          <NumberField name="keep_at_least" label={words.atLeast} hint={words.atLeastHint} min={1} />
        </div>
      </Fields>
    </EditForm>
  );
}
