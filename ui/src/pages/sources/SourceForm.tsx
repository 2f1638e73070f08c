import { zodResolver } from "@hookform/resolvers/zod";
import { useMemo } from "react";
import { useForm } from "react-hook-form";

import { AmountField } from "../../components/AmountField";
import { EditForm } from "../../components/EditForm";
import { CheckField, Fields, LinesField, MoreFields, TextField } from "../../components/fields";
import { NodeField, ProjectField } from "../../components/Where";
import { BYTES } from "../../lib/amount";
import { sourceSchema, type SourceValues } from "../../lib/source";
import { useTexts } from "../../texts";
import { ExcludesField } from "./ExcludesField";
import { PathsField } from "./PathsField";

type Props<R> = {
  values: SourceValues;
  isNew: boolean;
  save: (values: SourceValues) => Promise<R>;
  saved: (told: R) => void;
  reload?: () => void;
};

/** A line of paths or patterns that is refused is one of the whole field. */
const rename = (field: string) => field.replace(/^(spec\.\w+)\.\d+$/, "$1");

export function SourceForm<R>({ values, isNew, ...rest }: Props<R>) {
  const texts = useTexts();
  const words = texts.records;
  const schema = useMemo(
    () => sourceSchema({ required: words.source.needPath, absolute: words.absolute, upwards: words.source.upwards }),
    [words],
  );
  const form = useForm<SourceValues>({ defaultValues: values, resolver: zodResolver(schema) });
  return (
    <EditForm form={form} action={texts.form.save} rename={rename} {...rest}>
      <Fields title={words.source.what}>
        {isNew && <ProjectField action="editSources" />}
        <TextField name="name" label={texts.form.name} maxLength={200} />
        <NodeField hint={words.source.nodeHint} />
      </Fields>
      <Fields title={words.source.paths}>
        <PathsField />
      </Fields>
      <Fields title={words.source.leftOut}>
        <ExcludesField />
        <CheckField name="spec.exclude_caches" label={words.source.caches} hint={words.source.cachesHint} />
      </Fields>
      <MoreFields title={words.more}>
        <LinesField
          name="spec.exclude_if_present"
          label={words.source.present}
          hint={words.source.presentHint}
          rows={2}
        />
        <AmountField name="spec.exclude_larger_than" label={words.source.larger} hint={words.source.largerHint} units={BYTES} />
        <CheckField name="spec.one_file_system" label={words.source.oneSystem} hint={words.source.oneSystemHint} />
      </MoreFields>
    </EditForm>
  );
}
