import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { useFormContext } from "react-hook-form";

import { connections } from "../../api/queries";
import { useMay } from "../../api/roles";
import { Fields, SelectField, TextField } from "../../components/fields";
import { placeOf } from "../../lib/connection";
import { NEW } from "../../lib/destination";
import type { Action } from "../../lib/may";
import type { ServiceType } from "../../lib/search";
import { isolated } from "../../lib/shown";
import type { SourceValues } from "../../lib/source";
import { useTexts } from "../../texts";
import { SettingsFields } from "../connections/SettingsFields";

type Props = {
  type: ServiceType;
  title: string;
  hint: string;
  /** What it takes to make a connection of the type. */
  action: Action;
};

/** The connection that a source is read through: one of its type on the node, or a new one. */
export function WayFields({ type, title, hint, action }: Props) {
  const texts = useTexts();
  const words = texts.mysql;
  const { watch, setValue } = useFormContext<SourceValues>();
  const name = `${type}.connection` as const;
  const [project, node, chosen, made] = watch(["project", "node", name, "made.settings.type"]);
  const mayMake = useMay(action, project);
  const fitting = useQuery(connections()).data?.filter(
    (one) => one.project === project && one.node === node && one.settings.type === type,
  );
  const isOdd = fitting !== undefined && chosen !== NEW && !fitting.some(({ id }) => id === chosen);
  const instead = fitting?.length === 0 && mayMake ? NEW : "";
  useEffect(() => {
    if (isOdd) {
      setValue(name, instead);
    }
  }, [isOdd, instead, name, setValue]);
  useEffect(() => {
    if (made !== type) {
      setValue("made.settings.type", type);
    }
  }, [made, type, setValue]);
  const choices = (fitting ?? []).map(({ id, name, settings }) => [id, `${isolated(name)} (${isolated(placeOf(settings))})`] as const);
  return (
    <>
      <Fields title={title}>
        <SelectField
          name={name}
          label={words.connection}
          hint={hint}
          choices={[
            ["", texts.records.choose] as const,
            ...choices,
            ...(mayMake ? [[NEW, texts.records.destination.newConnection] as const] : []),
          ]}
        />
      </Fields>
      {chosen === NEW && made === type && (
        <Fields title={texts.records.destination.newConnection} hint={words.newHint}>
          <TextField name="made.name" label={words.connectionName} maxLength={200} />
          <SettingsFields at="made.settings" isNew />
        </Fields>
      )}
    </>
  );
}
