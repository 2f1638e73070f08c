import { useMemo } from "react";
import { useFormContext } from "react-hook-form";

import { FolderTree } from "../../components/FolderTree";
import { LinesField } from "../../components/fields";
import { lines } from "../../lib/lines";
import type { SourceValues } from "../../lib/source";
import { useTexts } from "../../texts";

/** Files and folders: ticked in the tree of the node, or typed. Both show the same. */
export function PathsField({ hint }: { hint?: string }) {
  const words = useTexts().records.source;
  const { watch, setValue, formState } = useFormContext<SourceValues>();
  const [node, text] = watch(["node", "spec.paths"]);
  const chosen = useMemo(() => lines(text), [text]);
  const choose = (paths: string[]) =>
    setValue("spec.paths", paths.join("\n"), { shouldDirty: true, shouldValidate: formState.isSubmitted });
  return (
    <>
      {node !== "" && (
        <div>
          <p className="mb-2 text-xs text-faint">{hint ?? words.treeHint}</p>
          <FolderTree key={node} node={node} label={words.tree} chosen={chosen} choose={choose} />
        </div>
      )}
      <LinesField name="spec.paths" label={words.chosen} hint={words.chosenHint} rows={4} />
    </>
  );
}
