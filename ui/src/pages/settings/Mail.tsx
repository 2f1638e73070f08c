import { zodResolver } from "@hookform/resolvers/zod";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useForm } from "react-hook-form";
import { z } from "zod";

import { answer, api, type Schemas } from "../../api/client";
import { smtpSettings } from "../../api/people";
import { me } from "../../api/queries";
import { Failure, Loading } from "../../components/basics";
import { Confirm } from "../../components/Confirm";
import { EditForm } from "../../components/EditForm";
import { Fields, NumberField, SelectField, TextField } from "../../components/fields";
import { Notice } from "../../components/Notice";
import { useTexts } from "../../texts";

type Smtp = Schemas["SmtpAnswer"];
const TLS = ["tls", "starttls", "none"] as const satisfies readonly Schemas["SmtpTls"][];

export function Mail() {
  const query = useQuery(smtpSettings());
  if (query.isLoadingError) {
    return <Failure error={query.error} again={() => void query.refetch()} />;
  }
  if (query.data === undefined) {
    return <Loading />;
  }
  return (
    <div className="flex flex-col gap-4">
      <Form key={query.data === null ? "new" : "set"} now={query.data} />
      {query.data !== null && <Test />}
    </div>
  );
}

function Form({ now }: { now: Smtp | null }) {
  const texts = useTexts();
  const words = texts.people.settings;
  const queries = useQueryClient();
  const [isSaved, setSaved] = useState(false);
  const schema = z.object({
    host: z.string().trim().min(1, texts.form.required),
    port: z.number(texts.form.required).int().min(1, words.port).max(65_535, words.port).nullable(),
    tls: z.enum(TLS),
    user: z.string(),
    password: z.string(),
    from: z.string().trim().min(1, texts.form.required),
  });
  const form = useForm<z.infer<typeof schema>>({
    resolver: zodResolver(schema.refine(({ port }) => port !== null, { path: ["port"], message: texts.form.required })),
    defaultValues: {
      host: now?.host ?? "",
      port: now?.port ?? 587,
      tls: now?.tls ?? "starttls",
      user: now?.user ?? "",
      password: "",
      from: now?.from ?? "",
    },
  });
  const remove = useMutation({
    mutationFn: () => answer(api.DELETE("/api/v1/settings/smtp")),
    onSettled: () => queries.invalidateQueries({ queryKey: ["settings", "smtp"] }),
  });
  return (
    <EditForm
      form={form}
      action={texts.form.save}
      save={({ port, user, password, ...values }) => {
        const signIn = user.trim() === "" ? {} : { user: user.trim(), ...(password !== "" && { password }) };
        return answer(api.PUT("/api/v1/settings/smtp", { body: { ...values, port: port ?? 0, ...signIn } }));
      }}
      saved={() => {
        form.reset({ ...form.getValues(), password: "" });
        setSaved(true);
        void queries.invalidateQueries({ queryKey: ["settings", "smtp"] });
      }}
      aside={
        <>
          {now !== null && (
            <Confirm
              words={{ trigger: words.forgetMail, title: words.forgetMailSure, hint: words.forgetMailHint, yes: words.forgetMail }}
              disabled={remove.isPending}
              go={() => remove.mutate()}
            />
          )}
          {isSaved && !form.formState.isDirty && <Notice>{texts.people.saved}</Notice>}
          {remove.error !== null && <Failure error={remove.error} />}
        </>
      }
    >
      <Fields title={words.tabs.mail} hint={words.mailHint}>
        <TextField name="host" label={words.host} placeholder="mail.example.org" spellCheck={false} />
        <div className="grid gap-4 sm:grid-cols-2">
          <SelectField name="tls" label={words.tls} choices={TLS.map((tls) => [tls, words.tlsKinds[tls]] as const)} />
          <NumberField name="port" label={words.portLabel} min={1} max={65_535} />
        </div>
        <TextField name="from" label={words.from} hint={words.fromHint} placeholder="Backstay <backup@example.org>" />
        <TextField name="user" label={words.user} hint={words.userHint} />
        <TextField
          name="password"
          type="password"
          label={words.password}
          {...(now?.password_set === true && { hint: words.passwordKeep })}
          autoComplete="new-password"
        />
      </Fields>
    </EditForm>
  );
}

/** Sends a mail by the settings in force. */
function Test() {
  const texts = useTexts();
  const words = texts.people.settings;
  const { data } = useQuery(me());
  const [sent, setSent] = useState("");
  const form = useForm({
    resolver: zodResolver(z.object({ to: z.string().trim().min(1, texts.form.required) })),
    values: { to: data?.person.email ?? "" },
    resetOptions: { keepDirtyValues: true },
  });
  return (
    <EditForm
      form={form}
      action={words.testMail}
      doing={texts.people.alerts.testing}
      save={async (body) => {
        setSent("");
        await answer(api.POST("/api/v1/settings/smtp/test", { body }));
      }}
      saved={() => {
        setSent(form.getValues("to"));
        form.reset(form.getValues());
      }}
      aside={sent !== "" && <Notice>{words.mailSent(sent)}</Notice>}
    >
      <Fields title={words.testMailTitle} hint={words.testMailHint}>
        <TextField name="to" type="email" label={texts.people.account.email} />
      </Fields>
    </EditForm>
  );
}
