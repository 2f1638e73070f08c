import { zodResolver } from "@hookform/resolvers/zod";
import { useMemo } from "react";
import { useForm } from "react-hook-form";
import { z } from "zod";

import { useMay } from "../../api/roles";
import { EditForm } from "../../components/EditForm";
import { Fields, TextField } from "../../components/fields";
import { NodeField, ProjectField } from "../../components/Where";
import { fieldOf, settingsSchema, type SettingsValues } from "../../lib/connection";
import { settingsWords } from "../../lib/settingsWords";
import { useTexts } from "../../texts";
import { SettingsFields, TypeField } from "./SettingsFields";

export type ConnectionValues = { project: string; name: string; node: string; settings: SettingsValues };

type Props<R> = {
  values: ConnectionValues;
  isNew: boolean;
  save: (values: ConnectionValues) => Promise<R>;
  saved: (told: R) => void;
  reload?: () => void;
};

/** A connection is tried by its node before it is saved, which may take a moment. */
export function ConnectionForm<R>({ values, isNew, ...rest }: Props<R>) {
  const texts = useTexts();
  const words = texts.records;
  const schema = useMemo(() => {
    const text = z.string().trim().min(1, texts.form.required);
    return z.object({ project: z.string(), name: text, node: z.string(), settings: settingsSchema(settingsWords(texts), isNew) });
  }, [texts, isNew]);
  const form = useForm<ConnectionValues>({ defaultValues: values, resolver: zodResolver(schema) });
  const [project, type] = form.watch(["project", "settings.type"]);
  const mayAllow = useMay("allowPrivate", project);
  const isBarred = isNew && type === "mysql" && !mayAllow;
  // It is saved when somebody has signed in.
  const isSignIn = isNew && type === "google_drive";
  return (
    <EditForm
      form={form}
      action={isSignIn ? words.google.signIn : words.connection.save}
      doing={isSignIn ? words.google.starting : words.connection.trying}
      rename={(field) => fieldOf(field, "settings", form.getValues("settings"))}
      isBarred={isBarred}
      {...rest}
    >
      <Fields title={words.connection.what}>
        {isNew && <ProjectField action="editConnections" />}
        {isNew && <TypeField at="settings" />}
        <TextField name="name" label={texts.form.name} maxLength={200} />
        <NodeField hint={words.connection.nodeHint} />
        <SettingsFields at="settings" isNew={isNew} />
      </Fields>
    </EditForm>
  );
}
