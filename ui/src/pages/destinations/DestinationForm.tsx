import { zodResolver } from "@hookform/resolvers/zod";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { get, useForm } from "react-hook-form";

import { Problem } from "../../api/client";
import { connections } from "../../api/queries";
import { useMay } from "../../api/roles";
import { useMakeConnection } from "../../api/useMakeConnection";
import { EditForm } from "../../components/EditForm";
import { Fields, SelectField, TextField } from "../../components/fields";
import { NodeField, ProjectField } from "../../components/Where";
import type { HoldsValues } from "../../lib/archives";
import { fieldOf, isStorage, placeOf } from "../../lib/connection";
import { NEW, destinationSchema, type MadeValues } from "../../lib/destination";
import { MADE_TYPES } from "../../lib/search";
import { settingsWords } from "../../lib/settingsWords";
import { useTexts } from "../../texts";
import { SettingsFields, TypeField } from "../connections/SettingsFields";
import { HoldsFields } from "./HoldsFields";
import { LayoutField } from "./LayoutField";
import { isolated } from "../../lib/shown";

export type DestinationValues = {
  project: string;
  name: string;
  connection: string;
  path: string;
  layout: "per_node" | "shared";
  holds: HoldsValues;
  made: MadeValues;
};

type Props<R> = {
  values: DestinationValues;
  isNew: boolean;
  save: (values: DestinationValues) => Promise<R>;
  saved: (told: R) => void;
  reload?: () => void;
};

/** What stays as it is once something is stored there: that it does is said where it was changed. */
const FIXED = ["connection", "path", "layout", "holds.type"] as const;

function atField(error: unknown, dirty: object): unknown {
  if (!(error instanceof Problem) || error.kind !== "holds_repositories") {
    return error;
  }
  const field = FIXED.find((name) => get(dirty, name) === true);
  return new Problem(error.status, error.kind, error.message, error.hint, field);
}

export function DestinationForm<R>({ values, isNew, save, ...rest }: Props<R>) {
  const texts = useTexts();
  const words = texts.records;
  const schema = useMemo(() => {
    const { destination, archives } = texts.records;
    const told = { ...settingsWords(texts), ...archives.wrong, positive: texts.plan.positive, relative: destination.relative };
    return destinationSchema(told);
  }, [texts]);
  const form = useForm<DestinationValues>({ defaultValues: values, resolver: zodResolver(schema) });
  const make = useMakeConnection();
  const [project, chosen, holds] = form.watch(["project", "connection", "holds.type"]);
  const mayMake = useMay("editConnections", project);
  const { data } = useQuery(connections());
  const choices = (data ?? [])
    .filter((connection) => connection.project === project && isStorage(connection))
    .map(({ id, name, settings }) => [id, `${isolated(name)} (${isolated(placeOf(settings))})`] as const);
  const saveBoth = async (entered: DestinationValues) => {
    if (entered.connection !== NEW) {
      return save(entered).catch((error: unknown) => {
        throw atField(error, form.formState.dirtyFields);
      });
    }
    // Once it is made it stays, and is the one that is chosen, also where the destination is refused then.
    const connection = await make(entered.project, entered.made);
    form.setValue("connection", connection);
    return save({ ...entered, connection });
  };
  return (
    <EditForm
      form={form}
      action={chosen === NEW ? words.connection.save : texts.form.save}
      {...(chosen === NEW && { doing: words.connection.trying })}
      save={saveBoth}
      rename={(field) => fieldOf(field, "made.settings", form.getValues("made.settings"))}
      {...rest}
    >
      <Fields title={words.destination.what}>
        {isNew && <ProjectField action="editDestinations" />}
        <TextField name="name" label={texts.form.name} maxLength={200} />
        <SelectField
          name="connection"
          label={words.destination.connection}
          choices={[
            ["", words.choose] as const,
            ...choices,
            ...(mayMake ? [[NEW, words.destination.newConnection] as const] : []),
          ]}
        />
      </Fields>
      {chosen === NEW && (
        <Fields title={words.destination.newConnection} hint={words.destination.newHint}>
          <TypeField at="made.settings" types={MADE_TYPES} />
          <TextField name="made.name" label={texts.form.name} maxLength={200} />
          <NodeField name="made.node" hint={words.connection.nodeHint} />
          <SettingsFields at="made.settings" isNew />
        </Fields>
      )}
      <Fields title={words.destination.within}>
        <TextField name="path" label={words.destination.path} hint={words.destination.pathHint} spellCheck={false} />
        <LayoutField isArchives={holds === "archives"} />
      </Fields>
      <HoldsFields />
    </EditForm>
  );
}
