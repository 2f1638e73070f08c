import { Check, Copy } from "lucide-react";
import { useEffect, useState } from "react";

import { toClipboard } from "../lib/clipboard";
import { useTexts } from "../texts";
import { Button } from "./basics";

type Props = {
  text: () => string;
  /** What is copied, where it is not plain. */
  what?: string;
  /** Without its word, beside something short. */
  isSmall?: boolean;
  /** Called where the browser does not let a page copy. */
  refused?: () => void;
};

/** Takes a text to the clipboard, and says so for a moment. */
export function CopyButton({ text, what, isSmall = false, refused }: Props) {
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
        className={isSmall ? "min-h-7! shrink-0 px-1.5!" : "shrink-0 whitespace-nowrap"}
        title={word}
        {...(what !== undefined && { "aria-label": `${texts.log.copy}: ${what}` })}
        onClick={() => void copy()}
      >
        <Sign aria-hidden size={isSmall ? 14 : 16} />
        {!isSmall && word}
      </Button>
      <span className="sr-only" role="status">
        {copied ? texts.log.copied : ""}
      </span>
    </>
  );
}
