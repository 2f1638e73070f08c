import { useId, useRef } from "react";

import { inputClass } from "./basics";
import { CopyButton } from "./CopyButton";

/** A text that is shown once, to be copied. Where a page may not copy by itself, it is chosen, so that the keyboard can. */
export function Once({ label, text, hint }: { label: string; text: string; hint?: string }) {
  const id = useId();
  const field = useRef<HTMLTextAreaElement>(null);
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
        <CopyButton text={() => text} refused={() => field.current?.focus()} />
      </div>
      {hint !== undefined && <p className="mt-1 text-xs text-faint">{hint}</p>}
    </div>
  );
}
