import type { Virtualizer } from "@tanstack/react-virtual";
import { useEffect, useMemo, useRef, useState, type KeyboardEvent } from "react";

import { dayInWords } from "../../lib/format";
import { countByDay, type Group } from "../../lib/timeline";
import { useSpeech } from "../../texts";
import { SourceName } from "./SourceName";
import { isolated, listed } from "../../lib/shown";

/** How wide a day is, and what is left free beside the line. */
export const DAY = 26;
export const MARGIN = 16;

/** Shows a day of a group, or all days again. */
export type Choose = (group: Group, day: string | undefined) => void;

type Props = {
  group: Group;
  days: readonly string[];
  columns: Virtualizer<HTMLDivElement, Element>;
  chosen: string | undefined;
  choose: Choose;
};

/** A source with its days. */
export function Line({ group, days, columns, chosen, choose }: Props) {
  const { texts, language } = useSpeech();
  const counts = useMemo(() => countByDay(group.snapshots), [group]);
  const marked = useMemo(() => days.filter((day) => counts.has(day)), [days, counts]);
  const [active, setActive] = useState<string>();
  const wantsFocus = useRef(false);
  const list = useRef<HTMLUListElement>(null);
  const shown = columns.getVirtualItems().flatMap(({ index, start }) => {
    const day = days[index];
    const count = day === undefined ? undefined : counts.get(day);
    return day === undefined || count === undefined ? [] : [{ day, count, start }];
  });
  // The mark that the keyboard comes to: the one it was at, the chosen one, or the newest in sight.
  const inSight = (day: string | undefined) => day !== undefined && shown.some((mark) => mark.day === day);
  const stop = [active, chosen].find(inSight) ?? shown.at(-1)?.day;

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
    const at = marked.indexOf(stop ?? "");
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
    <>
      <div className="sticky left-0 flex w-max max-w-[100cqi] flex-wrap items-baseline gap-x-3 px-4 text-sm">
        <SourceName host={group.host} paths={group.paths} />
        <span className="text-xs text-faint">{texts.snapshots.count(group.snapshots.length)}</span>
      </div>
      <div className="relative mt-1 h-7">
        <div aria-hidden className="absolute inset-x-4 top-1/2 border-t border-line" />
        <ul ref={list} aria-label={`${isolated(group.host)} ${listed(group.paths)}`} onKeyDown={move}>
          {shown.map(({ day, count, start }) => {
            const about = `${dayInWords(day, language)}: ${texts.snapshots.count(count)}`;
            const isChosen = day === chosen;
            return (
              <li key={day} className="absolute top-0 flex h-7 justify-center" style={{ left: start + MARGIN, width: DAY }}>
                <button
                  type="button"
                  data-day={day}
                  tabIndex={day === stop ? 0 : -1}
                  aria-label={about}
                  aria-pressed={isChosen}
                  title={about}
                  onFocus={() => setActive(day)}
                  onClick={() => choose(group, isChosen ? undefined : day)}
                  className="grid size-6.5 place-items-center rounded-full hover:bg-raised focus-visible:outline-offset-0"
                >
                  <span className={`rounded-full ${sizeOf(count)} ${isChosen ? CHOSEN : "bg-accent"}`} />
                </button>
              </li>
            );
          })}
        </ul>
      </div>
    </>
  );
}

const CHOSEN = "bg-text ring-2 ring-accent ring-offset-2 ring-offset-card";

/** How large the mark of a day is that has so many snapshots. */
const sizeOf = (count: number) => (count === 1 ? "size-3" : count < 6 ? "size-4" : "size-5");
