import { zodResolver } from "@hookform/resolvers/zod";
import { useQuery, useQueryClient, type QueryKey } from "@tanstack/react-query";
import { useState } from "react";
import { useForm } from "react-hook-form";
import { z } from "zod";

import { Failure, Loading } from "../../components/basics";
import { EditForm } from "../../components/EditForm";
import { Fields, TextField } from "../../components/fields";
import { Notice } from "../../components/Notice";
import { seconds } from "../../lib/length";
import { useTexts } from "../../texts";

type Lengths = Record<string, string>;

type Props = {
  title: string;
  hint: string;
  fields: readonly { name: string; label: string; hint: string }[];
  query: { queryKey: QueryKey; queryFn: () => Promise<Lengths> };
  save: (values: Lengths) => Promise<unknown>;
};

/** Settings that are lengths of time. */
export function LengthsForm({ query: options, ...props }: Props) {
  const query = useQuery(options);
  if (query.isLoadingError) {
    return <Failure error={query.error} again={() => void query.refetch()} />;
  }
  return query.data === undefined ? <Loading /> : <Form {...props} now={query.data} queryKey={options.queryKey} />;
}

type FormProps = Omit<Props, "query"> & { now: Lengths; queryKey: QueryKey };

function Form({ title, hint, fields, now, queryKey, save }: FormProps) {
  const texts = useTexts();
  const words = texts.people.settings;
  const queries = useQueryClient();
  const [isSaved, setSaved] = useState(false);
  const length = z.string().refine((text) => seconds(text) !== undefined, words.length);
  const form = useForm<Lengths>({
    resolver: zodResolver(z.object(Object.fromEntries(fields.map(({ name }) => [name, length])))),
    values: now,
    resetOptions: { keepDirtyValues: true },
  });
  return (
    <EditForm
      form={form}
      action={texts.form.save}
      save={save}
      saved={() => {
        form.reset(form.getValues());
        setSaved(true);
        void queries.invalidateQueries({ queryKey });
      }}
      // The server names some by what they belong to: `sign_in.idle_timeout`.
      rename={(field) => field.replace(/^.*\./, "")}
      aside={isSaved && !form.formState.isDirty && <Notice>{texts.people.saved}</Notice>}
    >
      <Fields title={title} hint={hint}>
        {fields.map(({ name, label, hint }) => (
          <TextField key={name} name={name} label={label} hint={`${hint} ${words.lengthHint}`} spellCheck={false} />
        ))}
      </Fields>
    </EditForm>
  );
}
