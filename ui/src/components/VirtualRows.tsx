// Rows of which only those in sight are in the page.

import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, type ReactNode } from "react";

type Props = {
  /** What scrolls, once it is there. */
  box: HTMLElement | null;
  count: number;
  /** How high a row is; where most are another height, scrolling is slow. */
  height: number;
  row: (index: number) => ReactNode;
  /** The row that has to be in sight. */
  focus?: number;
  /** Hears which rows are in sight. */
  see?: (first: number, last: number) => void;
};

export function VirtualRows({ box, count, height, row, focus, see }: Props) {
  const rows = useVirtualizer({
    count,
    getScrollElement: () => box,
    estimateSize: () => height,
    overscan: 6,
  });
  const shown = rows.getVirtualItems();
  const [first, last] = [shown[0]?.index, shown.at(-1)?.index];
  useEffect(() => {
    if (focus !== undefined && focus < count) {
      rows.scrollToIndex(focus, { align: "auto" });
    }
  }, [focus, count, rows]);
  useEffect(() => {
    if (first !== undefined && last !== undefined) {
      see?.(first, last);
    }
  }, [first, last, see]);
  return (
    <div role="presentation" className="relative w-full" style={{ height: rows.getTotalSize() }}>
      {shown.map(({ index, key, start }) => (
        <div
          key={key}
          ref={rows.measureElement}
          data-index={index}
          role="presentation"
          className="absolute top-0 left-0 w-full"
          style={{ transform: `translateY(${start}px)` }}
        >
          {row(index)}
        </div>
      ))}
    </div>
  );
}
