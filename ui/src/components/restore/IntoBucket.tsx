import type { Connection } from "../../api/queries";
import type { Snapshot } from "../../api/snapshots";
import type { Buckets } from "../../api/useBuckets";
import type { useRestore } from "../../api/useRestore";
import { placeOf } from "../../lib/connection";
import { exampleKey, type RestoreForm } from "../../lib/restore";
import { isolated } from "../../lib/shown";
import { useTexts } from "../../texts";
import { Field, inputClass } from "../basics";
import { Go } from "./Go";
import type { Change } from "./RestoreSteps";

type Props = {
  buckets: Buckets;
  chosen: Connection | undefined;
  snapshot: Snapshot;
  prefix: string;
  setPrefix: (prefix: string) => void;
  /** The prefix was entered. */
  settle: () => void;
  problem: string | undefined;
  change: Change;
};

export const bucketName = (connection: Connection | undefined): string =>
  connection?.settings.type === "s3" ? connection.settings.bucket : "…";

/** Which bucket is restored into, and what its keys begin with. */
export function IntoBucket({ buckets: { ways, isOfBucket }, chosen, snapshot, prefix, setPrefix, settle, problem, change }: Props) {
  const texts = useTexts();
  const words = texts.bucket;
  const [path = "/"] = snapshot.paths;
  const key = exampleKey(prefix, isOfBucket ? "photos/2026/one.jpg" : path);
  return (
    <div className="ms-6 flex flex-col gap-3">
      <div className="max-w-lg">
        <Field label={words.connection}>
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
      <div className="max-w-lg">
        <Field label={words.prefix}>
          <input
            className={`${inputClass} font-mono`}
            value={prefix}
            spellCheck={false}
            autoComplete="off"
            aria-invalid={problem !== undefined}
            aria-describedby="prefix-hint"
            onChange={({ target }) => setPrefix(target.value)}
            onBlur={settle}
          />
        </Field>
        <p id="prefix-hint" className="mt-1 text-xs text-faint wrap-anywhere">
          {words.prefixHint} {words.exampleKey(bucketName(chosen), key)}
        </p>
      </div>
      {problem !== undefined && (
        <p role="alert" className="text-sm text-bad wrap-anywhere">
          {problem}
        </p>
      )}
    </div>
  );
}

type GoProps = {
  form: (dryRun: boolean) => RestoreForm;
  chosen: Connection | undefined;
  blocked: boolean;
  dry: string | undefined;
  restore: ReturnType<typeof useRestore>;
};

export function GoIntoBucket({ form, chosen, ...rest }: GoProps) {
  const texts = useTexts();
  const words = texts.bucket;
  const { delete: deletes, into, paths = [] } = form(false);
  const confirm = {
    trigger: texts.restore.start,
    title: words.sure,
    hint: words.sureHint(bucketName(chosen), into?.type === "s3" ? (into.prefix ?? "") : "", paths),
    yes: texts.restore.sureYes,
  };
  return <Go form={form} hint={words.goHint} {...(deletes && { confirm })} {...rest} />;
}
