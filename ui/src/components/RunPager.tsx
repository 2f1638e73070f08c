// The way through the pages of runs. A page is named by what it follows, so it stays the same while new runs come in.

import { Link, useLocation } from "@tanstack/react-router";

import { useTexts } from "../texts";
import { buttonClass } from "./basics";

declare module "@tanstack/react-router" {
  interface HistoryState {
    /** Which pages were gone through to this one, the newest first; the newest of all is `""`. */
    newer?: readonly string[];
  }
}

type Props = { after: string | undefined; next: string | undefined };

export function RunPager({ after, next }: Props) {
  const texts = useTexts();
  const newer = useLocation({ select: ({ state }) => state.newer }) ?? [];
  if (after === undefined && next === undefined) {
    return null;
  }
  const pages = [
    after !== undefined && newer.length !== 1 && ([texts.runs.newest, "", []] as const),
    after !== undefined && newer.length > 0 && ([texts.runs.newer, newer.at(-1) ?? "", newer.slice(0, -1)] as const),
    next !== undefined && ([texts.runs.older, next, [...newer, after ?? ""]] as const),
  ];
  return (
    <nav aria-label={texts.runs.pages} className="mt-3 flex flex-wrap justify-center gap-2">
      {pages.map(
        (page) =>
          page && (
            <Link
              key={page[0]}
              from="/runs"
              to="."
              search={({ after: _, ...before }) => ({ ...before, ...(page[1] !== "" && { after: page[1] }) })}
              state={{ newer: page[2] }}
              className={buttonClass()}
            >
              {page[0]}
            </Link>
          ),
      )}
    </nav>
  );
}
