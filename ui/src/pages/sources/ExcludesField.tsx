import { useFormContext } from "react-hook-form";

import { LinesField } from "../../components/fields";
import { lines } from "../../lib/lines";
import type { SourceValues } from "../../lib/source";
import { useTexts } from "../../texts";

const EXAMPLES = ["*.tmp", "node_modules", "/home/*/.cache", "**/Downloads/*.iso"];

/** Patterns of what is left out, with some to begin with. */
export function ExcludesField() {
  const words = useTexts().records.source;
  const { watch, setValue } = useFormContext<SourceValues>();
  const text = watch("spec.excludes");
  const present = lines(text);
  const add = (example: string) => setValue("spec.excludes", [...present, example].join("\n"), { shouldDirty: true });
  return (
    <div className="flex flex-col gap-2">
      <LinesField name="spec.excludes" label={words.excludes} hint={words.excludesHint} />
      <div className="flex flex-wrap items-center gap-2 text-xs">
        <span className="text-faint">{words.examples}</span>
        {EXAMPLES.filter((example) => !present.includes(example)).map((example) => (
          <button
            key={example}
            type="button"
            title={words.exampleHints[example]}
            onClick={() => add(example)}
            className="min-h-6 rounded border border-edge bg-card px-2 py-0.5 font-mono hover:bg-raised"
          >
            + {example}
          </button>
        ))}
      </div>
    </div>
  );
}
