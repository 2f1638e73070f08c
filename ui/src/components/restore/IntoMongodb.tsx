import { useId } from "react";

import type { Connection } from "../../api/queries";
import type { useRestore } from "../../api/useRestore";
import type { Servers } from "../../api/useServers";
import { placeOf } from "../../lib/connection";
import type { RestoreForm } from "../../lib/restore";
import type { Window } from "../../lib/moments";
import { isolated } from "../../lib/shown";
import { COLLECTION_MODES, type RestoreSearch } from "../../lib/snapshotSearch";
import { useTexts } from "../../texts";
import { Field, inputClass } from "../basics";
import { Choice } from "../Choice";
import { Go } from "./Go";
import { MomentField } from "./MomentField";
import type { Change } from "./RestoreSteps";
import { TypedField, type Typed } from "./TypedField";

type Props = {
  servers: Servers;
  chosen: Connection | undefined;
  include: Typed;
  renames: Typed;
  until: string | undefined;
  windows: readonly Window[] | undefined;
  problem: string | undefined;
  change: Change;
};

/** Which server of MongoDB is restored into, and what of the backup. */
export function IntoMongodb({ servers: { ways }, chosen, include, renames, until, windows, problem, change }: Props) {
  const texts = useTexts();
  const words = texts.mongodb;
  return (
    <div className="ms-6 flex flex-col gap-3">
      <div className="max-w-lg">
        <Field label={words.intoConnection}>
          <select
            className={inputClass}
            value={chosen?.id ?? ""}
            onChange={({ target }) => change({ into: target.value, target: undefined })}
          >
            {chosen === undefined && <option value="">{ways.length === 0 ? words.noConnection : texts.records.choose}</option>}
            {ways.map(({ id, name, settings }) => (
              <option key={id} value={id}>
                {`${isolated(name)} (${isolated(placeOf(settings))})`}
              </option>
            ))}
          </select>
        </Field>
      </div>
      <TypedField label={words.intoInclude} hint={words.intoIncludeHint} typed={include} rows={3} />
      <TypedField label={words.renames} hint={words.renamesHint} typed={renames} rows={3} />
      <MomentField until={until} windows={windows} choose={(until) => change({ until })} />
      {problem !== undefined && (
        <p role="alert" className="text-sm text-bad wrap-anywhere">
          {problem}
        </p>
      )}
    </div>
  );
}

/** What happens to collections that are there, and to users. */
export function ExistingCollections({ search, change }: { search: RestoreSearch; change: Change }) {
  const words = useTexts().mongodb;
  const id = useId();
  return (
    <>
      <Choice
        legend={words.existing}
        isSaid
        value={search.existing ?? "refuse"}
        choices={COLLECTION_MODES.map((mode) => [mode, ...words.modes[mode]] as const)}
        choose={(existing) => change({ existing })}
      />
      <div className="mt-4">
        <label className="flex min-h-7 items-center gap-2 text-sm">
          <input
            type="checkbox"
            className="size-4 shrink-0 accent-accent"
            checked={search.users === true}
            aria-describedby={id}
            onChange={({ target: { checked } }) => change({ users: checked || undefined })}
          />
          {words.intoUsers}
        </label>
        <p id={id} className="ms-6 text-xs text-faint">
          {words.intoUsersHint}
        </p>
      </div>
    </>
  );
}

type GoProps = {
  form: (dryRun: boolean) => RestoreForm;
  chosen: Connection | undefined;
  blocked: boolean;
  dry: string | undefined;
  restore: ReturnType<typeof useRestore>;
};

export function GoIntoMongodb({ form, chosen, ...rest }: GoProps) {
  const texts = useTexts();
  const words = texts.mongodb;
  const { into } = form(false);
  const replaces = into?.type === "mongodb" && into.existing === "replace";
  const confirm = {
    trigger: texts.restore.start,
    title: words.sure,
    hint: words.sureHint(chosen === undefined ? "…" : placeOf(chosen.settings)),
    yes: words.sureYes,
  };
  return <Go form={form} hint={words.goHint} {...(replaces && { confirm })} {...rest} />;
}
