import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Trash2 } from "lucide-react";

import { useTexts } from "../texts";
import { Failure } from "./basics";
import { Confirm } from "./Confirm";

type Props = {
  /** What is removed, by its name. */
  name: string;
  /** What will happen. */
  hint: string;
  /** What stands on the button; the word for deleting unless said. */
  action?: string;
  go: () => Promise<unknown>;
  /** Where one is taken when it is gone. */
  gone: () => void | Promise<void>;
};

/** Removes a record when one is sure. A refusal is shown as the server gives it. */
export function Remove({ name, hint, action, go, gone }: Props) {
  const texts = useTexts();
  const queries = useQueryClient();
  const verb = action ?? texts.form.remove;
  const remove = useMutation({
    mutationFn: go,
    onSuccess: async () => {
      await gone();
      await queries.invalidateQueries({ queryKey: ["records"] });
      await queries.invalidateQueries({ queryKey: ["nodes"] });
    },
  });
  const trigger = (
    <>
      <Trash2 aria-hidden size={16} />
      {verb}
    </>
  );
  return (
    <div className="flex flex-col items-start gap-3">
      <Confirm
        words={{ trigger, title: texts.records.sure(verb, name), hint, yes: verb }}
        disabled={remove.isPending}
        go={() => remove.mutate()}
      />
      {remove.error !== null && <Failure error={remove.error} />}
    </div>
  );
}
