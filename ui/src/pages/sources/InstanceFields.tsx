import { useFormContext } from "react-hook-form";

import { AmountField } from "../../components/AmountField";
import { ChoiceField } from "../../components/ChoiceField";
import { CommandFields } from "../../components/CommandFields";
import { Fields, LinesField, MoreFields, TextField } from "../../components/fields";
import { TIMES } from "../../lib/amount";
import { CONTROLS, SEQUENCES } from "../../lib/mysql";
import type { SourceValues } from "../../lib/source";
import { useTexts } from "../../texts";
import { WayFields } from "./WayFields";

/** What a source of the type MySQL or MariaDB is asked for. */
export function InstanceFields({ mayStop }: { mayStop: boolean }) {
  const texts = useTexts();
  const words = texts.mysql;
  return (
    <>
      <WayFields type="mysql" title={words.database} hint={words.connectionHint} action="allowPrivate" />
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
