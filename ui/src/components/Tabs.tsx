import { ChevronLeft, ChevronRight } from "lucide-react";
import { useCallback, useEffect, useRef, useState, type ReactNode } from "react";

type Props = {
  label: string;
  /** Which part is shown: it is brought into sight. */
  chosen: string;
  children: ReactNode;
};

/** The way between the parts of a page; each is a link of its own. Where they do not all fit, they scroll in one row. */
export function Tabs({ label, chosen, children }: Props) {
  const list = useRef<HTMLUListElement>(null);
  const [more, setMore] = useState({ before: false, after: false });
  const measure = useCallback(() => {
    if (list.current !== null) {
      const { scrollLeft, scrollWidth, clientWidth } = list.current;
      const [before, after] = [scrollLeft > 1, scrollLeft + clientWidth < scrollWidth - 1];
      setMore((known) => (known.before === before && known.after === after ? known : { before, after }));
    }
  }, []);
  useEffect(() => {
    if (list.current === null) {
      return undefined;
    }
    const watch = new ResizeObserver(() => {
      showChosen(list.current);
      measure();
    });
    watch.observe(list.current);
    return () => watch.disconnect();
  }, [chosen, measure]);
  // Words that are told anew may be longer.
  useEffect(measure);
  const turn = (way: number) => list.current?.scrollBy({ left: way * list.current.clientWidth * 0.7, behavior: "smooth" });
  return (
    <nav aria-label={label} className="relative mb-4">
      <ul
        ref={list}
        onScroll={measure}
        onFocus={({ target }) => target.scrollIntoView({ block: "nearest", inline: "nearest" })}
        className="relative flex scroll-px-10 gap-x-1 overflow-x-auto overflow-y-hidden shadow-[inset_0_-1px_0_var(--color-line)] [scrollbar-width:none]"
      >
        {children}
      </ul>
      {more.before && (
        <div className={`${HINT} left-0 bg-linear-to-r pr-4`} onClick={() => turn(-1)}>
          <ChevronLeft aria-hidden size={18} />
        </div>
      )}
      {more.after && (
        <div className={`${HINT} right-0 bg-linear-to-l pl-4`} onClick={() => turn(1)}>
          <ChevronRight aria-hidden size={18} />
        </div>
      )}
    </nav>
  );
}

/** It tells the eye alone that there are more: the keyboard goes from link to link. */
const HINT = "absolute inset-y-0 flex cursor-pointer items-center from-ground from-60% to-transparent text-accent";

/** Scrolls the row so far that the chosen part is in its middle, as far as it goes. */
function showChosen(list: HTMLUListElement | null): void {
  const tab = list?.querySelector<HTMLElement>("[aria-current]")?.parentElement;
  if (list && tab) {
    list.scrollLeft = tab.offsetLeft - (list.clientWidth - tab.offsetWidth) / 2;
  }
}

export const tabClass =
  "flex min-h-9 items-center border-b-2 border-transparent px-3 text-sm whitespace-nowrap hover:bg-raised focus-visible:-outline-offset-3";
export const thisTabClass = "border-b-accent! font-semibold text-accent";
