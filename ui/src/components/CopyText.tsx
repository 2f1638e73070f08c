import { Check, Copy } from "lucide-react";
import { useState } from "react";

import { useTexts } from "../texts";
import { Button } from "./basics";

/** Takes a text to the clipboard. `what` says which. */
export function CopyText({ text, what }: { text: string; what: string }) {
  const texts = useTexts();
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), 2000);
  };
  return (
    <Button className="shrink-0 whitespace-nowrap" aria-label={`${copied ? texts.log.copied : texts.log.copy}: ${what}`} onClick={() => void copy()}>
      {copied ? <Check aria-hidden size={14} /> : <Copy aria-hidden size={14} />}
      {copied ? texts.log.copied : texts.log.copy}
    </Button>
  );
}
