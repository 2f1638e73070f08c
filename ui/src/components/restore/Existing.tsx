import type { Snapshot } from "../../api/snapshots";
import { existingOf, modesOf } from "../../lib/restore";
import type { RestoreSearch } from "../../lib/snapshotSearch";
import { isArchived } from "../../lib/timeline";
import { useTexts } from "../../texts";
import { Choice } from "../Choice";
import type { Change } from "./RestoreSteps";

type Props = { snapshot: Snapshot; search: RestoreSearch; problem: string | undefined; change: Change };

/** What happens to files that are there. */
export function Existing({ snapshot, search, problem, change }: Props) {
  const texts = useTexts();
  const { overwrite, deletes } = existingOf(search, snapshot);
  return (
    <>
      <Choice
        legend={texts.restore.overwrite}
        isSaid
        value={overwrite}
        choices={modesOf(snapshot).map((mode) => [mode, ...texts.restore.modes[mode]] as const)}
        choose={(mode) => change({ overwrite: mode })}
      />
      {!isArchived(snapshot) && (
        <div className="mt-4">
          <label className="flex min-h-7 items-center gap-2 text-sm">
            <input
              type="checkbox"
              className="size-4 shrink-0 accent-accent"
              checked={deletes}
              aria-describedby="delete-hint"
              onChange={({ target: { checked } }) => change({ delete: checked || undefined })}
            />
            {texts.restore.delete}
          </label>
          <p id="delete-hint" className={`ms-6 text-xs ${deletes ? "text-warn" : "text-faint"}`}>
            {texts.restore.deleteHint}
          </p>
          {problem !== undefined && (
            <p role="alert" className="ms-6 mt-1 text-sm text-bad">
              {problem}
            </p>
          )}
        </div>
      )}
    </>
  );
}
