import { AlertDialog } from "@base-ui/react/alert-dialog";
import { useEffect, useState } from "react";

import { SIGNED_OUT } from "../api/client";
import { useTexts } from "../texts";
import { buttonClass } from "./basics";

/** Says that the session has ended under a form, and keeps the form. */
export function SignedOut() {
  const texts = useTexts();
  const [open, setOpen] = useState(false);
  useEffect(() => {
    const tell = () => setOpen(true);
    addEventListener(SIGNED_OUT, tell);
    return () => removeEventListener(SIGNED_OUT, tell);
  }, []);
  return (
    <AlertDialog.Root open={open} onOpenChange={setOpen}>
      <AlertDialog.Portal>
        <AlertDialog.Backdrop className="fixed inset-0 bg-black/40" />
        <AlertDialog.Popup className="fixed top-1/2 left-1/2 w-[min(26rem,calc(100vw-2rem))] -translate-1/2 rounded-lg border border-line bg-card p-5">
          <AlertDialog.Title className="text-base font-semibold">{texts.form.signedOut}</AlertDialog.Title>
          <AlertDialog.Description className="mt-2 text-sm text-faint">{texts.form.signedOutHint}</AlertDialog.Description>
          <div className="mt-5 flex flex-wrap justify-end gap-2">
            <AlertDialog.Close className={buttonClass()}>{texts.form.back}</AlertDialog.Close>
            <a href="/sign-in" target="_blank" rel="noreferrer" className={buttonClass("accent")}>
              {texts.form.signIn}
            </a>
          </div>
        </AlertDialog.Popup>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}
