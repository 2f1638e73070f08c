import { useFormContext, useWatch } from "react-hook-form";

import { useRights } from "../../api/roles";
import { CheckField, ChecksField, Fields, LinesField, SelectField, TextField } from "../../components/fields";
import { NOTICES, PERIODS, type Kind, type NotifierForm } from "../../lib/notifier";
import { useTexts } from "../../texts";

/** What a notifier tells of, and how. */
export function NotifierFields({ kind, projects, isNew }: { kind: Kind; projects: readonly (readonly [string, string])[]; isNew: boolean }) {
  const texts = useTexts();
  const words = texts.people.alerts;
  const { control } = useFormContext<NotifierForm>();
  const on = useWatch({ control, name: "on" });
  return (
    <>
      <Fields title={words.kinds[kind]} hint={words.kindHints[kind]}>
        <TextField name="name" label={texts.form.name} maxLength={200} />
        {projects.length > 1 && <SelectField name="project" label={texts.form.project} choices={projects} />}
        <ChannelFields kind={kind} isNew={isNew} />
      </Fields>
      <Fields title={words.on}>
        <ChecksField
          name="on"
          label={words.onHint}
          choices={NOTICES.map((notice) => [notice, `${words.notices[notice]}: ${words.noticeHints[notice]}`] as const)}
        />
        {on.includes("summary") && (
          <SelectField name="summary" label={words.period} choices={PERIODS.map((period) => [period, words.periods[period]] as const)} />
        )}
      </Fields>
    </>
  );
}

function ChannelFields({ kind, isNew }: { kind: Kind; isNew: boolean }) {
  const words = useTexts().people.alerts;
  const may = useRights();
  const { control } = useFormContext<NotifierForm>();
  const project = useWatch({ control, name: "project" });
  switch (kind) {
    case "email":
      return <LinesField name="to" label={words.to} hint={words.toHint} />;
    case "webhook":
      return (
        <>
          <TextField name="url" type="url" label={words.url} placeholder="https://example.org/hook" />
          <TextField
            name="secret"
            type="password"
            label={words.secret}
            hint={isNew ? words.secretHint : words.secretKeep}
            autoComplete="new-password"
          />
          {may("allowPrivate", project) && (
            <CheckField name="allow_private" label={words.allowPrivate} hint={words.allowPrivateHint} />
          )}
        </>
      );
    case "command":
      return (
        <>
          <TextField name="program" label={words.program} hint={words.programHint} placeholder="/usr/local/bin/tell" />
          <LinesField name="args" label={words.args} hint={words.argsHint} />
        </>
      );
  }
}
