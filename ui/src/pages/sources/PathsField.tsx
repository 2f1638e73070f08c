import { useMemo } from "react";
import { useFormContext } from "react-hook-form";

import { FolderTree } from "../../components/FolderTree";
import { LinesField } from "../../components/fields";
import { lines } from "../../lib/lines";
import type { SourceValues } from "../../lib/source";
import { useTexts } from "../../texts";

type Props = {
  name?: "spec.paths" | "sqlite.databases";
  hint?: string;
  /** Whether folders are only ways to files, and not chosen themselves. */
  isOnlyFiles?: boolean;
};

/** Files and folders: ticked in the tree of the node, or typed. Both show the same. */
export function PathsField({ name = "spec.paths", hint, isOnlyFiles }: Props) {
  const words = useTexts().records.source;
  const { watch, setValue, formState } = useFormContext<SourceValues>();
  const [node, text] = watch(["node", name]);
  const chosen = useMemo(() => lines(text), [text]);
  const choose = (paths: string[]) => setValue(name, paths.join("\n"), { shouldDirty: true, shouldValidate: formState.isSubmitted });
  return (
    <>
      {node !== "" && (
        <div>
          <p className="mb-2 text-xs text-faint">{hint ?? words.treeHint}</p>
          <FolderTree key={node} node={node} label={words.tree} chosen={chosen} choose={choose} {...(isOnlyFiles && { isOnlyFiles })} />
        </div>
      )}
      <LinesField name={name} label={words.chosen} hint={words.chosenHint} rows={4} />
    </>
  );
}
