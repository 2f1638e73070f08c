import { Check, Copy } from "lucide-react";
import { useEffect, useState } from "react";

import { toClipboard } from "../lib/clipboard";
import { useTexts } from "../texts";
import { Button } from "./basics";

type Props = {
  text: () => string;
  /** What is copied, where it is not plain. */
  what?: string;
  /** Called where the browser does not let a page copy. */
  refused?: () => void;
};

/** Takes a text to the clipboard, and says so for a moment. */
export function CopyButton({ text, what, refused }: Props) {
  const texts = useTexts();
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    const timer = copied ? setTimeout(() => setCopied(false), 2000) : undefined;
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = async () => {
    const worked = await toClipboard(text());
    setCopied(worked);
    if (!worked) {
      refused?.();
    }
  };
  const [Sign, word] = copied ? [Check, texts.log.copied] : [Copy, texts.log.copy];
  return (
    <>
      <Button
        className="shrink-0 whitespace-nowrap"
        {...(what !== undefined && { "aria-label": `${texts.log.copy}: ${what}` })}
        onClick={() => void copy()}
      >
        <Sign aria-hidden size={16} />
        {word}
      </Button>
      <span className="sr-only" role="status">
        {copied ? texts.log.copied : ""}
      </span>
    </>
  );
}
