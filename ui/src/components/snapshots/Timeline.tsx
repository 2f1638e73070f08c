// Each source with its snapshots on a line of days. One line is one stop of the keyboard; arrows go from mark to mark.

import { useVirtualizer, type Virtualizer } from "@tanstack/react-virtual";
import { useEffect, useMemo, useState } from "react";

import type { Snapshot } from "../../api/snapshots";
import { groupsOf, line, narrowed, type Narrow } from "../../lib/timeline";
import { useSpeech, useTexts } from "../../texts";
import { DAY, Line, MARGIN, type Choose } from "./Line";

/** So few days are each named. */
const SHORT = 8;

type Props = { snapshots: readonly Snapshot[]; search: Narrow; choose: Choose };

export function Timeline({ snapshots, search, choose }: Props) {
  const texts = useTexts();
  const groups = useMemo(() => groupsOf(snapshots), [snapshots]);
  const days = useMemo(() => line(snapshots), [snapshots]);
  const [box, setBox] = useState<HTMLDivElement | null>(null);
  const columns = useVirtualizer({
    horizontal: true,
    count: days.length,
    getScrollElement: () => box,
    estimateSize: () => DAY,
    overscan: 4,
  });
  const rows = useVirtualizer({
    count: groups.length,
    getScrollElement: () => box,
    estimateSize: () => 70,
    overscan: 2,
  });
  const last = days.length - 1;
  useEffect(() => {
    if (last > 0 && box) {
      columns.scrollToIndex(last, { align: "end" });
    }
  }, [columns, last, box]);
  return (
    <section aria-label={texts.snapshots.timeline} className="rounded-lg border border-line bg-card">
      <div ref={setBox} className="@container max-h-80 overflow-auto">
        <div className="relative min-w-full" style={{ width: columns.getTotalSize() + 2 * MARGIN }}>
          <Months columns={columns} days={days} />
          <ul className="relative" style={{ height: rows.getTotalSize() }}>
            {rows.getVirtualItems().map(({ index, start }) => {
              const group = groups[index];
              return (
                group && (
                  <li
                    key={group.key}
                    ref={rows.measureElement}
                    data-index={index}
                    className="absolute top-0 left-0 w-full border-b border-line py-2"
                    style={{ transform: `translateY(${start}px)` }}
                  >
                    <Line
                      group={group}
                      days={days}
                      columns={columns}
                      chosen={narrowed(group.snapshots, search).length > 0 ? search.day : undefined}
                      choose={choose}
                    />
                  </li>
                )
              );
            })}
          </ul>
        </div>
      </div>
    </section>
  );
}

/** Where each week and month begins. */
function Months({ columns, days }: { columns: Virtualizer<HTMLDivElement, Element>; days: readonly string[] }) {
  const { language } = useSpeech();
  // On a line of a few days there may be no Monday and no first of a month.
  const isShort = days.length < SHORT;
  return (
    <div aria-hidden className="sticky top-0 z-10 h-7 border-b border-line bg-card text-xs text-faint">
      {columns.getVirtualItems().map(({ index, start }) => {
        const date = new Date(`${days[index]}T12:00:00`);
        const isFirst = date.getDate() === 1 || (isShort && index === 0);
        if (!isFirst && !(isShort && index > 1) && (date.getDay() !== 1 || date.getDate() < 4 || date.getDate() > 28)) {
          return null;
        }
        const shown = isFirst
          ? date.toLocaleDateString(language, {
              ...(isShort && { day: "numeric" }),
              month: "short",
              ...(date.getMonth() === 0 && { year: "numeric" }),
            })
          : date.getDate();
        return (
          <span
            key={index}
            className={`absolute top-1.5 w-max ${isShort && isFirst ? "" : "-translate-x-1/2"} ${isFirst ? "font-semibold text-text" : ""}`}
            style={{ left: start + MARGIN + (isShort && isFirst ? 0 : DAY / 2) }}
          >
            {shown}
          </span>
        );
      })}
    </div>
  );
}
