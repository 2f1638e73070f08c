// The log of a run as a terminal shows it. Only the lines in sight are in the page, so a hundred thousand cost nothing.

import { useQuery } from "@tanstack/react-query";
import { useVirtualizer } from "@tanstack/react-virtual";
import { ArrowDownToLine, Download } from "lucide-react";
import { useDeferredValue, useEffect, useMemo, useRef, useState } from "react";

import { download } from "../lib/download";
import { chosen, joined, plain, readOn, type Line } from "../lib/log";
import { useTexts } from "../texts";
import { Button, Failure, Field, inputClass } from "./basics";
import { CopyButton } from "./CopyButton";

const COLOURS: Record<Line["level"], string> = {
  debug: "text-faint",
  info: "",
  warning: "text-warn",
  error: "text-bad",
};
/** Without the stream of events, a new line is here after this time at the latest. */
const ASK_EVERY = 5_000;
const LINE = 20;

function useLog(run: string, isOver: boolean) {
  const [lines, setLines] = useState<readonly Line[]>([]);
  const last = useRef(0);
  const query = useQuery({
    queryKey: ["log", run],
    queryFn: async () => {
      last.current = await readOn(run, last.current, (more) => setLines((before) => joined(before, more)));
      return last.current;
    },
    refetchInterval: isOver ? false : ASK_EVERY,
    staleTime: 0,
  });
  // The last lines may come after the end.
  const { refetch } = query;
  useEffect(() => void (isOver && refetch()), [isOver, refetch]);
  return { lines, query };
}

export function LogPane({ run, isOver }: { run: string; isOver: boolean }) {
  const texts = useTexts();
  const { lines, query } = useLog(run, isOver);
  const [least, setLeast] = useState<Line["level"]>("info");
  const [search, setSearch] = useState("");
  const wanted = useDeferredValue(search);
  const shown = useMemo(() => chosen(lines, least, wanted), [lines, least, wanted]);
  const [follows, setFollows] = useState(true);
  const pane = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: shown.length,
    getScrollElement: () => pane.current,
    estimateSize: () => LINE,
    overscan: 10,
  });

  useEffect(() => {
    if (follows && shown.length > 0) {
      rows.scrollToIndex(shown.length - 1, { align: "end" });
    }
  }, [follows, shown.length, rows]);

  const keep = () => download(`${run}.log`, shown.map((line) => `${plain(line)}\n`).join(""), "text/plain");

  return (
    <section className="rounded-lg border border-line bg-card" aria-label={texts.log.title}>
      <header className="flex flex-wrap items-end gap-3 border-b border-line p-3">
        <h2 className="grow text-base font-semibold">{texts.log.title}</h2>
        <Field label={texts.log.level}>
          <select
            className={inputClass}
            value={least}
            onChange={({ target }) => setLeast(target.value as Line["level"])}
          >
            {(["debug", "info", "warning", "error"] as const).map((level) => (
              <option key={level} value={level}>
                {texts.log.levels[level]}
              </option>
            ))}
          </select>
        </Field>
        <Field label={texts.log.search}>
          <input type="search" className={inputClass} value={search} onChange={({ target }) => setSearch(target.value)} />
        </Field>
        <Button aria-pressed={follows} onClick={() => setFollows(!follows)}>
          <ArrowDownToLine aria-hidden size={16} />
          {follows ? texts.log.following : texts.log.follow}
        </Button>
        <CopyButton text={() => shown.map(plain).join("\n")} />
        <Button onClick={keep}>
          <Download aria-hidden size={16} />
          {texts.log.download}
        </Button>
      </header>
      {query.isError && <Failure error={query.error} again={() => void query.refetch()} />}
      <div
        ref={pane}
        role="log"
        aria-label={texts.log.title}
        aria-live="off"
        tabIndex={0}
        className="h-96 overflow-auto bg-ground font-mono text-xs leading-5"
        onWheel={({ deltaY }) => deltaY < 0 && setFollows(false)}
        onKeyDown={({ key }) => ["ArrowUp", "PageUp", "Home"].includes(key) && setFollows(false)}
        onTouchMove={() => setFollows(false)}
      >
        {shown.length === 0 ? (
          <p className="p-3 text-faint">{query.isPending ? texts.loading : texts.log.empty}</p>
        ) : (
          <div className="relative w-full" style={{ height: rows.getTotalSize() }}>
            {rows.getVirtualItems().map(({ index, start, key }) => {
              const line = shown[index];
              return (
                line && (
                  <div
                    key={key}
                    ref={rows.measureElement}
                    data-index={index}
                    className={`absolute top-0 left-0 flex w-full gap-3 px-3 ${COLOURS[line.level]}`}
                    style={{ transform: `translateY(${start}px)` }}
                  >
                    <time dateTime={line.time} className="shrink-0 text-faint">
                      {line.time.slice(11, 19)}
                    </time>
                    <span className="w-16 shrink-0 truncate text-faint">{line.step}</span>
                    <span className="min-w-0 whitespace-pre-wrap wrap-anywhere">{line.text}</span>
                  </div>
                )
              );
            })}
          </div>
        )}
      </div>
      <p className="border-t border-line px-3 py-1.5 text-xs text-faint tabular-nums" role="status">
        {texts.log.matches(shown.length)}
      </p>
    </section>
  );
}
