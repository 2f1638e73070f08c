import { Check, Copy as Sign } from "lucide-react";
import { useRef, useState } from "react";

import { useTexts } from "../texts";
import { Button } from "./basics";

/** A text to copy, in full. */
export function Copy({ label, text }: { label: string; text: string }) {
  const texts = useTexts();
  const [copied, setCopied] = useState(false);
  const shown = useRef<HTMLElement>(null);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // Browsers keep the clipboard from pages without TLS; the text is chosen, ready to be copied by hand.
      if (shown.current !== null) {
        getSelection()?.selectAllChildren(shown.current);
      }
      return;
    }
    setCopied(true);
    setTimeout(() => setCopied(false), 2000);
  };
  return (
    <div>
      <p className="mb-1 text-sm font-semibold">{label}</p>
      <div className="flex flex-wrap items-center gap-2">
        <code ref={shown} className="min-w-0 grow rounded border border-line bg-ground px-3 py-2 text-sm wrap-anywhere">{text}</code>
        <Button aria-label={`${texts.log.copy}: ${label}`} onClick={() => void copy()}>
          {copied ? <Check aria-hidden size={16} /> : <Sign aria-hidden size={16} />}
          {copied ? texts.log.copied : texts.log.copy}
        </Button>
        <span className="sr-only" role="status">
          {copied ? texts.log.copied : ""}
        </span>
      </div>
    </div>
  );
}
