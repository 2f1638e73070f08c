import type { Snapshot } from "../../api/snapshots";
import { bucketModesOf, existingOf, modesOf } from "../../lib/restore";
import type { Mode, RestoreSearch } from "../../lib/snapshotSearch";
import { isArchived } from "../../lib/timeline";
import { useTexts } from "../../texts";
import { Choice } from "../Choice";
import type { Change } from "./RestoreSteps";

type Props = { snapshot: Snapshot; search: RestoreSearch; problem: string | undefined; change: Change; isBucket: boolean };

/** What happens to files that are there. */
export function Existing({ snapshot, search, problem, change, isBucket }: Props) {
  const texts = useTexts();
  const { overwrite, deletes } = existingOf(search, snapshot);
  const choose = (mode: Mode) => change({ overwrite: mode });
  return (
    <>
      {isBucket ? (
        <Choice
          legend={texts.bucket.overwrite}
          isSaid
          value={overwrite === "if_changed" ? "always" : overwrite}
          choices={bucketModesOf(snapshot).map((mode) => [mode, ...texts.bucket.modes[mode]] as const)}
          choose={choose}
        />
      ) : (
        <Choice
          legend={texts.restore.overwrite}
          isSaid
          value={overwrite}
          choices={modesOf(snapshot).map((mode) => [mode, ...texts.restore.modes[mode]] as const)}
          choose={choose}
        />
      )}
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
            {isBucket ? texts.bucket.deleteHint : texts.restore.deleteHint}
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
