// Each source with its snapshots on a line of days. One line is one stop of the keyboard; arrows go from mark to mark.

import { useVirtualizer, type Virtualizer } from "@tanstack/react-virtual";
import { Link } from "@tanstack/react-router";
import { useEffect, useMemo, useRef, useState, type KeyboardEvent } from "react";

import type { Snapshot } from "../../api/snapshots";
import { countByDay, groupsOf, line, narrowed, type Group, type Narrow } from "../../lib/timeline";
import { useSpeech } from "../../texts";
import { SourceName } from "./SourceName";

const DAY = 26;

type Columns = Virtualizer<HTMLDivElement, Element>;

export function Timeline({ snapshots, search }: { snapshots: readonly Snapshot[]; search: Narrow }) {
  const { texts } = useSpeech();
  const groups = useMemo(() => groupsOf(snapshots), [snapshots]);
  const days = useMemo(() => line(snapshots), [snapshots]);
  const box = useRef<HTMLDivElement>(null);
  const columns = useVirtualizer({
    horizontal: true,
    count: days.length,
    getScrollElement: () => box.current,
    estimateSize: () => DAY,
    overscan: 10,
  });
  const last = days.length - 1;
  useEffect(() => {
    if (last > 0) {
      columns.scrollToIndex(last, { align: "end" });
    }
  }, [columns, last]);
  return (
    <section aria-label={texts.snapshots.timeline} className="rounded-lg border border-line bg-card">
      <div ref={box} tabIndex={-1} className="@container max-h-80 overflow-auto">
        <div className="relative min-w-full" style={{ width: columns.getTotalSize() + 32 }}>
          <Months columns={columns} days={days} />
          <ul>
            {groups.map((group) => (
              <Line
                key={group.key}
                group={group}
                days={days}
                columns={columns}
                chosen={narrowed(group.snapshots, search).length > 0 ? search.day : undefined}
              />
            ))}
          </ul>
        </div>
      </div>
    </section>
  );
}

/** Where each week and month begins. */
function Months({ columns, days }: { columns: Columns; days: readonly string[] }) {
  const { language } = useSpeech();
  return (
    <div aria-hidden className="sticky top-0 z-10 h-7 border-b border-line bg-card text-xs text-faint">
      {columns.getVirtualItems().map(({ index, start }) => {
        const date = new Date(`${days[index]}T12:00:00`);
        const isFirst = date.getDate() === 1;
        if (!isFirst && (date.getDay() !== 1 || date.getDate() < 4 || date.getDate() > 28)) {
          return null;
        }
        const shown = isFirst
          ? date.toLocaleDateString(language, { month: "short", ...(date.getMonth() === 0 && { year: "numeric" }) })
          : date.getDate();
        return (
          <span
            key={index}
            className={`absolute top-1.5 w-max -translate-x-1/2 ${isFirst ? "font-semibold text-text" : ""}`}
            style={{ left: start + 16 + DAY / 2 }}
          >
            {shown}
          </span>
        );
      })}
    </div>
  );
}

type LineProps = { group: Group; days: readonly string[]; columns: Columns; chosen: string | undefined };

function Line({ group, days, columns, chosen }: LineProps) {
  const { texts } = useSpeech();
  const counts = useMemo(() => countByDay(group.snapshots), [group]);
  const marked = useMemo(() => days.filter((day) => counts.has(day)), [days, counts]);
  const [active, setActive] = useState<string>();
  const wantsFocus = useRef(false);
  const list = useRef<HTMLUListElement>(null);
  const shown = columns.getVirtualItems();
  const inSight = new Set(shown.map(({ index }) => days[index]));
  // The mark that the keyboard comes to: the one it was at, the chosen one, or the newest in sight.
  const stop = [active, chosen].find((day) => day !== undefined && counts.has(day) && inSight.has(day));
  const entry = stop ?? marked.findLast((day) => inSight.has(day));

  useEffect(() => {
    if (wantsFocus.current && active !== undefined) {
      const mark = list.current?.querySelector<HTMLElement>(`[data-day="${active}"]`);
      if (mark) {
        wantsFocus.current = false;
        mark.focus({ preventScroll: true });
      }
    }
  });

  const move = (event: KeyboardEvent) => {
    const at = marked.indexOf(active ?? entry ?? "");
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: marked.length - 1 }[event.key];
    const day = to === undefined ? undefined : marked[to];
    if (day !== undefined) {
      event.preventDefault();
      wantsFocus.current = true;
      setActive(day);
      columns.scrollToIndex(days.indexOf(day), { align: "auto" });
    }
  };

  return (
    <li className="border-b border-line py-2 last:border-b-0">
      <div className="sticky left-0 flex w-max max-w-[100cqi] flex-wrap items-baseline gap-x-3 px-4 text-sm">
        <SourceName host={group.host} paths={group.paths} />
        <span className="text-xs text-faint">{texts.snapshots.count(group.snapshots.length)}</span>
      </div>
      <div className="relative mt-1 h-7">
        <div aria-hidden className="absolute inset-x-4 top-1/2 border-t border-line" />
        <ul ref={list} aria-label={`${group.host} ${group.paths.join(", ")}`} onKeyDown={move}>
          {shown.map(({ index, start }) => {
            const day = days[index];
            const count = day === undefined ? undefined : counts.get(day);
            return (
              day !== undefined &&
              count !== undefined && (
                <li key={day} className="absolute top-0 flex h-7 justify-center" style={{ left: start + 16, width: DAY }}>
                  <Mark group={group} day={day} count={count} isChosen={day === chosen} isStop={day === entry} focused={setActive} />
                </li>
              )
            );
          })}
        </ul>
      </div>
    </li>
  );
}

type MarkProps = {
  group: Group;
  day: string;
  count: number;
  isChosen: boolean;
  isStop: boolean;
  focused: (day: string) => void;
};

/** The snapshots of a day; chosen again, all days are shown again. */
function Mark({ group, day, count, isChosen, isStop, focused }: MarkProps) {
  const { texts, language } = useSpeech();
  const date = new Date(`${day}T12:00:00`).toLocaleDateString(language, { dateStyle: "long" });
  const about = `${date}: ${texts.snapshots.count(count)}`;
  const size = count === 1 ? "size-3" : count < 6 ? "size-4" : "size-5";
  return (
    <Link
      to="/snapshots"
      search={({ day: _day, host: _host, paths: _paths, ...before }) => ({
        ...before,
        ...(!isChosen && { day, host: group.host, paths: [...group.paths] }),
      })}
      replace
      resetScroll={false}
      activeOptions={{ exact: true, includeSearch: true }}
      data-day={day}
      tabIndex={isStop ? 0 : -1}
      aria-label={about}
      {...(isChosen && { "aria-current": "date" as const })}
      title={about}
      onFocus={() => focused(day)}
      className="grid size-6.5 place-items-center rounded-full hover:bg-raised focus-visible:outline-offset-0"
    >
      <span className={`rounded-full ${size} ${isChosen ? "bg-text ring-2 ring-accent ring-offset-2 ring-offset-card" : "bg-accent"}`} />
    </Link>
  );
}
