import { FlaskConical, RotateCcw } from "lucide-react";
import type { ComponentProps } from "react";

import type { useRestore } from "../../api/useRestore";
import { ORIGINAL, type RestoreForm } from "../../lib/restore";
import { useTexts } from "../../texts";
import { Button, Failure } from "../basics";
import { Confirm } from "../Confirm";
import { DryRun } from "./DryRun";

type Props = {
  form: (dryRun: boolean) => RestoreForm;
  dry: string | undefined;
  restore: ReturnType<typeof useRestore>;
  blocked: boolean;
  /** What there is to know before; of files unless said. */
  hint?: string;
  /** What is asked first; by what files it deletes unless said. */
  confirm?: ComponentProps<typeof Confirm>["words"];
};

/** Tries it, and does it. */
export function Go({ form, dry, restore, blocked, hint, confirm }: Props) {
  const texts = useTexts();
  const asked = form(false);
  const deletes = {
    trigger: texts.restore.start,
    title: texts.restore.sure,
    hint: texts.restore.sureHint(asked.paths ?? []),
    yes: texts.restore.sureYes,
  };
  const words = confirm ?? (asked.delete === true && asked.target === ORIGINAL ? deletes : undefined);
  const start = (
    <>
      <RotateCcw aria-hidden size={16} />
      {words?.trigger ?? texts.restore.start}
    </>
  );
  return (
    <div className="flex flex-col gap-4">
      <p className="text-sm text-faint">{hint ?? texts.restore.goHint}</p>
      {restore.error !== null && <Failure error={restore.error} />}
      <div className="flex flex-wrap gap-2">
        {words ? (
          <Confirm
            disabled={blocked || restore.isPending}
            words={{ ...words, trigger: start }}
            go={() => restore.mutate(asked)}
          />
        ) : (
          <Button tone="accent" disabled={blocked || restore.isPending} onClick={() => restore.mutate(asked)}>
            {start}
          </Button>
        )}
        <Button disabled={blocked || restore.isPending} onClick={() => restore.mutate(form(true))}>
          <FlaskConical aria-hidden size={16} />
          {texts.restore.try}
        </Button>
      </div>
      {dry !== undefined && <DryRun key={dry} id={dry} />}
    </div>
  );
}
