import type { Run } from "../api/queries";
import { useSpeech } from "../texts";

/** What a destination of a run costs beside another one: where its repository cuts files elsewhere, what is read is cut once more. */
export function CutApart({ at, named }: { at: NonNullable<Run["destinations"]>[number]; named?: boolean }) {
  const words = useSpeech().texts.runs;
  return (
    at.cut_apart_from && (
      <span className="block text-xs text-faint wrap-anywhere">
        {named ? words.cutApartAt(at.name, at.cut_apart_from) : words.cutApart(at.cut_apart_from)}
      </span>
    )
  );
}
