// A list of runs that may be very long. Only the rows in sight are in the page, and it scrolls as the page does.

import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useLayoutEffect, useRef, useState } from "react";

import type { Run } from "../api/queries";
import { RunFrame, RunRow } from "./RunTable";

/** How high most rows are. */
const ROW = 53;

type Props = {
  runs: readonly Run[];
  /** Hears which of them are in sight. */
  see: (first: number, last: number) => void;
};

export function RunList({ runs, see }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const [margin, setMargin] = useState(0);
  useLayoutEffect(() => {
    const measure = () => setMargin(Math.round((place.current?.getBoundingClientRect().top ?? 0) + scrollY));
    measure();
    addEventListener("resize", measure);
    return () => removeEventListener("resize", measure);
  }, []);
  const rows = useWindowVirtualizer({
    count: runs.length,
    estimateSize: () => ROW,
    getItemKey: (index) => runs[index]?.id ?? index,
    overscan: 8,
    scrollMargin: margin,
  });
  const shown = rows.getVirtualItems();
  const [head, tail] = [shown[0], shown.at(-1)];
  const [first, last] = [head?.index, tail?.index];
  useEffect(() => {
    if (first !== undefined && last !== undefined) {
      see(first, last);
    }
  }, [first, last, see]);
  return (
    <div ref={place}>
      <RunFrame isSteady>
        <Space height={(head?.start ?? margin) - margin} />
        {shown.map(({ index }) => {
          const run = runs[index];
          return run && <RunRow key={run.id} run={run} index={index} measure={rows.measureElement} />;
        })}
        <Space height={rows.getTotalSize() - ((tail?.end ?? margin) - margin)} />
      </RunFrame>
    </div>
  );
}

/** The place of rows that are not in the page. */
function Space({ height }: { height: number }) {
  return height <= 0 ? null : (
    <tr aria-hidden className="max-lg:block [overflow-anchor:none]" style={{ height }}>
      <td colSpan={9} className="p-0" />
    </tr>
  );
}
