import { useRef } from "react";

import { CopyButton } from "./CopyButton";
import { Breaking } from "./Name";

/** A text to copy, in full. Where a page may not copy by itself, it is chosen, ready to be copied by hand. */
export function Copy({ label, text }: { label: string; text: string }) {
  const shown = useRef<HTMLElement>(null);
  const choose = () => {
    if (shown.current !== null) {
      getSelection()?.selectAllChildren(shown.current);
    }
  };
  return (
    <div>
      <p className="mb-1 text-sm font-semibold">{label}</p>
      <div className="flex flex-wrap items-center gap-2">
        <code
          ref={shown}
          className="min-w-0 grow basis-64 rounded border border-line bg-ground px-3 py-2 text-sm wrap-anywhere"
        >
          <Breaking>{text}</Breaking>
        </code>
        <CopyButton text={() => text} what={label} refused={choose} />
      </div>
    </div>
  );
}
