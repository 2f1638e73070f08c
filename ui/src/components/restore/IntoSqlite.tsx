import type { useRestore } from "../../api/useRestore";
import type { RestoreForm } from "../../lib/restore";
import { withDatabase } from "../../lib/sqlite";
import { useTexts } from "../../texts";
import { Name } from "../Name";
import { Go } from "./Go";
import { Happens } from "./Happens";
import type { Change } from "./RestoreSteps";
import { TypedField, type Typed } from "./TypedField";

type Props = {
  /** Those of the snapshot. */
  databases: readonly string[];
  chosen: readonly string[];
  to: Typed;
  problem: string | undefined;
  change: Change;
};

/** Which databases of SQLite are put back, where the only one goes, and what happens to them. */
export function IntoSqlite({ databases, chosen, to, problem, change }: Props) {
  const words = useTexts().sqlite;
  return (
    <div className="ms-6 flex flex-col gap-3">
      {databases.length > 1 && <Databases databases={databases} chosen={chosen} change={change} />}
      {chosen.length === 1 && <TypedField label={words.to} hint={words.toHint} typed={to} />}
      {problem !== undefined && (
        <p role="alert" className="text-sm text-bad wrap-anywhere">
          {problem}
        </p>
      )}
      <div className="text-sm">
        <Happens steps={words.happens} />
      </div>
    </div>
  );
}

/** The last that is ticked stays so: without any there is nothing to restore. */
function Databases({ databases, chosen, change }: Pick<Props, "databases" | "chosen" | "change">) {
  const words = useTexts().sqlite;
  return (
    <fieldset className="min-w-0">
      <legend className="mb-1 text-sm font-semibold">{words.databases}</legend>
      {databases.map((path) => {
        const isChosen = chosen.includes(path);
        return (
          <label key={path} className="flex min-h-7 items-center gap-2 text-sm wrap-anywhere">
            <input
              type="checkbox"
              className="size-4 shrink-0 accent-accent"
              checked={isChosen}
              disabled={isChosen && chosen.length === 1}
              onChange={({ target }) => change({ paths: withDatabase(databases, chosen, path, target.checked) })}
            />
            <Name>{path}</Name>
          </label>
        );
      })}
    </fieldset>
  );
}

type GoProps = {
  form: (dryRun: boolean) => RestoreForm;
  /** The files that they become. */
  places: readonly string[];
  blocked: boolean;
  dry: string | undefined;
  restore: ReturnType<typeof useRestore>;
};

export function GoIntoSqlite({ places, ...rest }: GoProps) {
  const texts = useTexts();
  const words = texts.sqlite;
  const confirm = {
    trigger: texts.restore.start,
    title: words.sure(places.length),
    hint: words.sureHint(places),
    yes: texts.restore.start,
  };
  return <Go hint={words.goHint} confirm={confirm} {...rest} />;
}
