import { AlertDialog } from "@base-ui/react/alert-dialog";
import type { ReactNode } from "react";

import { useTexts } from "../texts";
import { buttonClass } from "./basics";

type Words = {
  /** What stands on the button that opens the question. */
  trigger: ReactNode;
  /** What the button is called where there are several like it. */
  label?: string;
  title: string;
  /** What will happen. */
  hint: string;
  yes: string;
  no?: string;
  /** How the buttons look; as a danger unless said. */
  tone?: "plain" | "danger";
};

/** A button that asks before it does what cannot be taken back. */
export function Confirm({ words, disabled, go }: { words: Words; disabled?: boolean; go: () => void }) {
  const texts = useTexts();
  return (
    <AlertDialog.Root>
      <AlertDialog.Trigger disabled={disabled} aria-label={words.label} className={buttonClass(words.tone ?? "danger")}>
        {words.trigger}
      </AlertDialog.Trigger>
      <AlertDialog.Portal>
        <AlertDialog.Backdrop className="fixed inset-0 bg-black/40" />
        <AlertDialog.Popup className="fixed top-1/2 left-1/2 w-[min(26rem,calc(100vw-2rem))] -translate-1/2 rounded-lg border border-line bg-card p-5">
          <AlertDialog.Title className="text-base font-semibold">{words.title}</AlertDialog.Title>
          <AlertDialog.Description className="mt-2 text-sm text-faint wrap-anywhere">{words.hint}</AlertDialog.Description>
          <div className="mt-5 flex flex-wrap justify-end gap-2">
            <AlertDialog.Close className={buttonClass()}>{words.no ?? texts.form.no}</AlertDialog.Close>
            <AlertDialog.Close className={buttonClass(words.tone === "plain" ? "accent" : "danger")} onClick={go}>
              {words.yes}
            </AlertDialog.Close>
          </div>
        </AlertDialog.Popup>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}
