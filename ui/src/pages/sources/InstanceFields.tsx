import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { useFormContext } from "react-hook-form";

import { connections } from "../../api/queries";
import { useMay } from "../../api/roles";
import { AmountField } from "../../components/AmountField";
import { ChoiceField } from "../../components/ChoiceField";
import { CommandFields } from "../../components/CommandFields";
import { Fields, LinesField, MoreFields, SelectField, TextField } from "../../components/fields";
import { TIMES } from "../../lib/amount";
import { placeOf } from "../../lib/connection";
import { NEW } from "../../lib/destination";
import { CONTROLS, SEQUENCES } from "../../lib/mysql";
import { isolated } from "../../lib/shown";
import type { SourceValues } from "../../lib/source";
import { useTexts } from "../../texts";
import { SettingsFields } from "../connections/SettingsFields";

/** What a source of the type MySQL or MariaDB is asked for. */
export function InstanceFields({ mayStop }: { mayStop: boolean }) {
  const texts = useTexts();
  const words = texts.mysql;
  return (
    <>
      <ConnectionFields />
      {mayStop ? (
        <>
          <Fields title={words.stopping}>
            <Control />
          </Fields>
          <Fields title={words.meanwhile}>
            <ChoiceField
              name="mysql.sequence"
              legend={words.meanwhile}
              isSaid
              values={SEQUENCES}
              labels={words.sequences}
              hints={words.sequenceHints}
            />
          </Fields>
          <More />
        </>
      ) : (
        <p className="text-sm text-faint">{words.controlForOwner}</p>
      )}
    </>
  );
}

/** One of the connections to databases of the node, or a new one. */
function ConnectionFields() {
  const texts = useTexts();
  const words = texts.mysql;
  const { watch, setValue } = useFormContext<SourceValues>();
  const [project, node, chosen] = watch(["project", "node", "mysql.connection"]);
  const mayMake = useMay("allowPrivate", project);
  const fitting = useQuery(connections()).data?.filter(
    (one) => one.project === project && one.node === node && one.settings.type === "mysql",
  );
  const isOdd = fitting !== undefined && chosen !== NEW && !fitting.some(({ id }) => id === chosen);
  const instead = fitting?.length === 0 && mayMake ? NEW : "";
  useEffect(() => {
    if (isOdd) {
      setValue("mysql.connection", instead);
    }
  }, [isOdd, instead, setValue]);
  const choices = (fitting ?? []).map(({ id, name, settings }) => [id, `${isolated(name)} (${isolated(placeOf(settings))})`] as const);
  return (
    <>
      <Fields title={words.database}>
        <SelectField
          name="mysql.connection"
          label={words.connection}
          hint={words.connectionHint}
          choices={[
            ["", texts.records.choose] as const,
            ...choices,
            ...(mayMake ? [[NEW, texts.records.destination.newConnection] as const] : []),
          ]}
        />
      </Fields>
      {chosen === NEW && (
        <Fields title={texts.records.destination.newConnection} hint={words.newHint}>
          <TextField name="made.name" label={words.connectionName} maxLength={200} />
          <SettingsFields at="made.settings" isNew />
        </Fields>
      )}
    </>
  );
}

/** How it is stopped and started. */
function Control() {
  const words = useTexts().mysql;
  const { watch } = useFormContext<SourceValues>();
  const control = watch("mysql.control");
  return (
    <>
      <ChoiceField
        name="mysql.control"
        legend={words.stopping}
        isSaid
        values={CONTROLS}
        labels={words.controls}
        hints={words.controlHints}
      />
      {control === "service" && (
        <TextField name="mysql.service" label={words.service} hint={words.serviceHint} spellCheck={false} />
      )}
      {control === "container" && (
        <TextField name="mysql.container" label={words.container} hint={words.containerHint} spellCheck={false} />
      )}
      {control === "commands" &&
        (["stop", "start"] as const).map((which) => (
          <fieldset key={which} className="min-w-0 rounded border border-line p-3">
            <legend className="px-1 text-sm font-semibold">{words.commands[which].title}</legend>
            <p className="mb-3 text-xs text-faint">{words.commands[which].hint}</p>
            <div className="flex flex-col gap-4">
              <CommandFields at={`mysql.${which}`} />
            </div>
          </fieldset>
        ))}
    </>
  );
}

function More() {
  const texts = useTexts();
  const words = texts.mysql;
  return (
    <MoreFields title={texts.records.more}>
      <TextField
        name="mysql.data_dir"
        label={words.dataDir}
        hint={words.dataDirHint}
        placeholder="/var/lib/mysql"
        spellCheck={false}
      />
      <LinesField name="mysql.include" label={words.include} hint={words.includeHint} rows={2} />
      <TextField name="mysql.spool" label={words.spool} hint={words.spoolHint} spellCheck={false} />
      <AmountField name="mysql.stop_timeout" label={words.stopTimeout} units={TIMES} />
      <AmountField name="mysql.copy_timeout" label={words.copyTimeout} hint={words.copyTimeoutHint} units={TIMES} />
      <AmountField name="mysql.start_timeout" label={words.startTimeout} hint={words.startTimeoutHint} units={TIMES} />
    </MoreFields>
  );
}
