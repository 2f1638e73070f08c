import { Check, Copy as CopySign } from "lucide-react";
import { useId, useRef, useState } from "react";

import { useTexts } from "../texts";
import { Button, inputClass } from "./basics";

/** A text that is shown once, to be copied. Where a page may not copy by itself, it is chosen, so that the keyboard can. */
export function Once({ label, text, hint }: { label: string; text: string; hint?: string }) {
  const texts = useTexts();
  const id = useId();
  const field = useRef<HTMLTextAreaElement>(null);
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    field.current?.select();
    try {
      await navigator.clipboard.writeText(text);
      setCopied(true);
      setTimeout(() => setCopied(false), 2000);
    } catch {
      field.current?.focus();
    }
  };
  return (
    <div>
      <label htmlFor={id} className="mb-1 block text-sm font-semibold">
        {label}
      </label>
      <div className="flex flex-wrap items-start gap-2">
        <textarea
          id={id}
          ref={field}
          readOnly
          spellCheck={false}
          rows={Math.min(10, Math.max(text.split("\n").length, Math.ceil(text.length / 70)))}
          value={text}
          onFocus={({ target }) => target.select()}
          className={`${inputClass} min-w-0 grow basis-64 resize-none py-1.5! leading-5 font-mono break-all`}
        />
        <Button onClick={() => void copy()}>
          {copied ? <Check aria-hidden size={16} /> : <CopySign aria-hidden size={16} />}
          <span aria-live="polite">{copied ? texts.log.copied : texts.log.copy}</span>
        </Button>
      </div>
      {hint !== undefined && <p className="mt-1 text-xs text-faint">{hint}</p>}
    </div>
  );
}
