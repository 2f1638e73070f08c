import { useFormContext } from "react-hook-form";

import { AmountField } from "../../components/AmountField";
import { ChoiceField } from "../../components/ChoiceField";
import { Fields, MoreFields, NumberField, SelectField, TextField } from "../../components/fields";
import { Breaking } from "../../components/Name";
import { Notice } from "../../components/Notice";
import { DECIMAL, exampleOf } from "../../lib/archives";
import { NAMES, wrongFolder, wrongName } from "../../lib/naming";
import { useTexts } from "../../texts";
import type { DestinationValues } from "./DestinationForm";

/** Whether a destination holds repositories or archives, and how these are made. */
export function HoldsFields() {
  const words = useTexts().records.archives;
  const { watch } = useFormContext<DestinationValues>();
  const isArchives = watch("holds.type") === "archives";
  return (
    <Fields title={words.holds}>
      <ChoiceField
        name="holds.type"
        legend={words.holds}
        isSaid
        values={["repository", "archives"]}
        labels={words.types}
        hints={words.typeHints}
      />
      {isArchives && <ArchiveFields />}
    </Fields>
  );
}

function ArchiveFields() {
  const { records } = useTexts();
  const words = records.archives;
  const { watch } = useFormContext<DestinationValues>();
  const [format, encryption, fullEvery] = watch(["holds.format", "holds.encryption", "holds.full_every"]);
  const compressions = (["", "store", "deflate", "zstd"] as const).map((way) => [way, words.compressions[way]] as const);
  return (
    <>
      <div className="grid gap-4 sm:grid-cols-2">
        <ChoiceField name="holds.format" legend={words.format} values={["zip", "tar.zst"]} labels={words.formats} hints={words.formatHints} />
        <ChoiceField
          name="holds.encryption"
          legend={words.encryption}
          values={["age", "plain"]}
          labels={words.encryptions}
          hints={words.encryptionHints}
        />
      </div>
      <ChoiceField name="holds.mongodb" legend={words.mongodb} values={["mongodump", "files"]} labels={words.mongodbs} hints={words.mongodbHints} />
      {encryption === "plain" && <Notice tone="warn">{words.plainMeans}</Notice>}
      <TextField name="holds.name" label={words.name} hint={words.nameHint(NAMES.map((name) => `{${name}}`).join(" "))} spellCheck={false} />
      <TextField name="holds.folder" label={words.folder} hint={words.folderHint} spellCheck={false} />
      <Example />
      <NumberField name="holds.full_every" label={words.fullEvery} hint={words.fullEveryHint} min={1} max={1000} />
      {fullEvery !== 1 && (
        <ChoiceField
          name="holds.between"
          legend={words.between}
          values={["incremental", "differential"]}
          labels={words.betweens}
          hints={words.betweenHints}
        />
      )}
      <MoreFields title={records.more}>
        {format === "zip" && <SelectField name="holds.compression" label={words.compression} choices={compressions} />}
        <AmountField name="holds.split_over" label={words.splitOver} hint={words.splitOverHint} units={DECIMAL} />
      </MoreFields>
    </>
  );
}

/** Where a full archive of a database would lie, as the patterns are now. */
function Example() {
  const words = useTexts().records.archives;
  const { watch } = useFormContext<DestinationValues>();
  const [path, layout, holds] = watch(["path", "layout", "holds"]);
  const found = exampleOf(holds);
  const isWrong = wrongName(holds.name) !== undefined || wrongFolder(holds.folder) !== undefined;
  const above = [path.trim(), layout === "per_node" ? words.nodeFolder : ""].filter((one) => one !== "");
  return (
    <div role="status" className="rounded border border-line bg-ground px-3 py-2">
      <p className="text-xs text-faint">{words.example}</p>
      <p className="text-sm wrap-anywhere">
        {found === undefined ? (
          <span className="text-faint">{isWrong ? words.wrongExample : words.noExample}</span>
        ) : (
          <code>
            <Breaking>{[...above, found].join("/")}</Breaking>
          </code>
        )}
      </p>
    </div>
  );
}
