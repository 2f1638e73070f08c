import { zodResolver } from "@hookform/resolvers/zod";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useForm } from "react-hook-form";
import { z } from "zod";

import { answer, api, type Schemas } from "../../api/client";
import { oidcSettings } from "../../api/people";
import { Failure, Loading } from "../../components/basics";
import { Confirm } from "../../components/Confirm";
import { EditForm } from "../../components/EditForm";
import { CheckField, Fields, LinesField, TextField } from "../../components/fields";
import { Notice } from "../../components/Notice";
import { Once } from "../../components/Once";
import { ROLES } from "../../lib/may";
import { formOf, settingsOf, type OidcForm } from "../../lib/oidc";
import { useTexts } from "../../texts";
import { ClaimRoles } from "./ClaimRoles";

export function SingleSignOn() {
  const query = useQuery(oidcSettings());
  if (query.isLoadingError) {
    return <Failure error={query.error} again={() => void query.refetch()} />;
  }
  return query.data === undefined ? <Loading /> : <Form key={query.data === null ? "new" : "set"} now={query.data} />;
}

function Form({ now }: { now: Schemas["OidcAnswer"] | null }) {
  const texts = useTexts();
  const words = texts.people.settings;
  const queries = useQueryClient();
  const [isSaved, setSaved] = useState(false);
  const needed = z.string().trim().min(1, texts.form.required);
  const schema = z
    .object({
      issuer: needed,
      client_id: needed,
      client_secret: z.string(),
      name: needed,
      scopes: z.string(),
      email_domains: z.string(),
      create_people: z.boolean(),
      claim: z.string(),
      values: z.array(z.object({ value: needed, role: z.enum(ROLES) })),
    })
    .refine(({ claim, values }) => values.length === 0 || claim.trim() !== "", { path: ["claim"], message: words.claimNeeded })
    .refine(({ claim, values }) => values.length > 0 || claim.trim() === "", { path: ["claim"], message: words.valueNeeded });
  const form = useForm<OidcForm>({ resolver: zodResolver(schema), defaultValues: formOf(now) });
  const remove = useMutation({
    mutationFn: () => answer(api.DELETE("/api/v1/settings/oidc")),
    onSettled: () => queries.invalidateQueries({ queryKey: ["settings", "oidc"] }),
  });
  return (
    <EditForm
      form={form}
      action={words.saveProvider}
      doing={words.askingProvider}
      save={(values) => answer(api.PUT("/api/v1/settings/oidc", { body: settingsOf(values) }))}
      saved={() => {
        form.reset({ ...form.getValues(), client_secret: "" });
        setSaved(true);
        void queries.invalidateQueries({ queryKey: ["settings", "oidc"] });
      }}
      rename={(field) => (field.startsWith("roles") ? "claim" : field.replace(/\.\d+$/, ""))}
      aside={
        <>
          {now !== null && (
            <Confirm
              words={{
                trigger: words.forgetProvider,
                title: words.forgetProviderSure(now.name),
                hint: words.forgetProviderHint,
                yes: words.forgetProvider,
              }}
              disabled={remove.isPending}
              go={() => remove.mutate()}
            />
          )}
          {isSaved && !form.formState.isDirty && <Notice>{texts.people.saved}</Notice>}
          {remove.error !== null && <Failure error={remove.error} />}
        </>
      }
    >
      <Fields title={words.tabs["single-sign-on"]} hint={words.oidcHint}>
        <Once label={words.callback} text={now?.callback ?? `${location.origin}/api/v1/oidc/callback`} hint={words.callbackHint} />
        <TextField name="issuer" type="url" label={words.issuer} hint={words.issuerHint} placeholder="https://login.example.org" />
        <TextField name="client_id" label={words.clientId} spellCheck={false} />
        <TextField
          name="client_secret"
          type="password"
          label={words.clientSecret}
          hint={now?.client_secret_set === true ? words.secretKeep : words.clientSecretHint}
          autoComplete="new-password"
        />
        <TextField name="name" label={words.provider} hint={words.providerHint} maxLength={100} />
      </Fields>
      <Fields title={words.whoMay}>
        <CheckField name="create_people" label={words.createPeople} hint={words.createPeopleHint} />
        <LinesField name="email_domains" label={words.domains} hint={words.domainsHint} />
        <ClaimRoles />
        <LinesField name="scopes" label={words.scopes} hint={words.scopesHint} rows={2} />
      </Fields>
    </EditForm>
  );
}
