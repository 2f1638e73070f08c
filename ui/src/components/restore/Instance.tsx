import type { Node } from "../../api/queries";
import type { Source } from "../../api/records";
import type { Snapshot } from "../../api/snapshots";
import type { Instances } from "../../api/useInstances";
import type { useRestore } from "../../api/useRestore";
import { moment } from "../../lib/format";
import { instanceForm } from "../../lib/restore";
import { isolated } from "../../lib/shown";
import { useSpeech, useTexts } from "../../texts";
import { Field, inputClass } from "../basics";
import { Name } from "../Name";
import { Go } from "./Go";
import { Happens } from "./Happens";
import type { Change } from "./RestoreSteps";

type Props = { instances: Instances; chosen: Source | undefined; change: Change };

/** Which database comes back, and what happens to it. */
export function Instance({ instances: { fitting }, chosen, change }: Props) {
  const texts = useTexts();
  const words = texts.mysql;
  return (
    <div className="flex flex-col gap-3 border-t border-line pt-3 text-sm">
      {fitting.length > 1 || chosen === undefined ? (
        <div className="max-w-sm">
          <Field label={words.whichDatabase}>
            <select
              className={inputClass}
              value={chosen?.id ?? ""}
              onChange={({ target }) => change({ instance: target.value || undefined })}
            >
              {chosen === undefined && <option value="">{texts.records.choose}</option>}
              {fitting.map(({ id, name }) => (
                <option key={id} value={id}>
                  {isolated(name)}
                </option>
              ))}
            </select>
          </Field>
        </div>
      ) : (
        <p>
          <span className="text-faint">{words.whichDatabase}: </span>
          <Name>{chosen.name}</Name>
        </p>
      )}
      <div>
        <Happens steps={words.happens} />
        <p className="mt-2 text-faint">{words.whenItFails}</p>
      </div>
    </div>
  );
}

type GoProps = {
  instance: Source | undefined;
  snapshot: Snapshot;
  node: Node;
  dry: string | undefined;
  restore: ReturnType<typeof useRestore>;
};

export function GoInstance({ instance, snapshot, node, dry, restore }: GoProps) {
  const { texts, language } = useSpeech();
  const words = texts.mysql;
  const id = instance?.id ?? "";
  return (
    <Go
      form={(dryRun) => instanceForm(id, snapshot, node, dryRun)}
      dry={dry}
      restore={restore}
      blocked={instance === undefined}
      hint={words.goHint}
      confirm={{
        trigger: words.bringBack,
        title: words.sure(instance?.name ?? ""),
        hint: words.sureHint(moment(snapshot.time, language)),
        yes: words.bringBack,
      }}
    />
  );
}
