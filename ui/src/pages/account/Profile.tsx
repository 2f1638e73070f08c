import { zodResolver } from "@hookform/resolvers/zod";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useForm } from "react-hook-form";
import { z } from "zod";

import { answer, api } from "../../api/client";
import { Card } from "../../components/basics";
import { EditForm } from "../../components/EditForm";
import { Fields, TextField } from "../../components/fields";
import { Notice } from "../../components/Notice";
import type { Me } from "../../lib/may";
import { moment } from "../../lib/format";
import { useSpeech } from "../../texts";

export function Profile({ me }: { me: Me }) {
  const { texts, language } = useSpeech();
  const words = texts.people.account;
  const queries = useQueryClient();
  const [isSaved, setSaved] = useState(false);
  const schema = z.object({ name: z.string().trim().min(1, texts.form.required).max(200) });
  const form = useForm({ resolver: zodResolver(schema), values: { name: me.person.name } });
  const facts: [string, string][] = [
    [words.email, me.person.email],
    [words.since, moment(me.person.created, language)],
    ...me.roles.map(({ name, role }): [string, string] => [name, texts.people.roles[role]]),
  ];
  return (
    <div className="flex max-w-3xl flex-col gap-4">
      <EditForm
        form={form}
        action={texts.form.save}
        save={(body) => answer(api.PUT("/api/v1/me", { body }))}
        saved={() => {
          form.reset(form.getValues());
          setSaved(true);
          void queries.invalidateQueries({ queryKey: ["me"] });
        }}
        aside={isSaved && !form.formState.isDirty && <Notice>{texts.people.saved}</Notice>}
      >
        <Fields title={words.tabs.profile} hint={words.profileHint}>
          <TextField name="name" label={texts.form.name} autoComplete="name" maxLength={200} />
        </Fields>
      </EditForm>
      <Card title={words.rolesOf}>
        <dl className="grid gap-3 text-sm sm:grid-cols-2">
          {facts.map(([name, value]) => (
            <div key={name} className="min-w-0">
              <dt className="text-xs text-faint wrap-anywhere">{name}</dt>
              <dd className="wrap-anywhere">{value}</dd>
            </div>
          ))}
        </dl>
      </Card>
    </div>
  );
}
