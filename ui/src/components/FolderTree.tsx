// The folders of a node, of which some are chosen. Each is asked for when it is opened, and only the rows in sight are in the page.

import { useQueries, useQuery, type UseQueryResult } from "@tanstack/react-query";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useId, useMemo, useRef, useState } from "react";

import { Problem } from "../api/client";
import { folder, home, type FolderItem } from "../api/records";
import { rowsOf, type Listing, type Row } from "../lib/folderRows";
import { above, isCovered, isText, ticked } from "../lib/paths";
import { FolderRow } from "./FolderRow";

const TOP = "/";
const ROW = 32;
const PAGE = 10;
/** Elements of rows that went out of sight are those of rows that come; more than are ever shown at once. */
const REUSED = 64;
/** What is typed within this time is one beginning of a name. */
const TYPING = 700;

type Item = Extract<Row, { kind: "item" }>;

const reasonOf = (error: Error) => [error.message, error instanceof Problem && error.hint].filter(Boolean).join(" – ");

const listingsOf = (results: UseQueryResult<FolderItem[]>[]): Listing[] =>
  results.map(({ data, error }) => ({ items: data, failed: error ? reasonOf(error) : undefined }));

/** What is in the folders that are open: the rows, and why some folders show nothing. */
function useRows(node: string, open: ReadonlySet<string>) {
  const asked = useMemo(() => [TOP, ...open], [open]);
  const listings = useQueries({ queries: asked.map((path) => folder(node, path)), combine: listingsOf });
  return useMemo(() => {
    const known = new Map(asked.map((path, index) => [path, listings[index] ?? {}]));
    const rows = rowsOf(TOP, open, (path) => known.get(path) ?? {});
    const failed = listings.flatMap(({ failed }) => failed ?? []).join(" ");
    return { rows, failed };
  }, [asked, listings, open]);
}

type Props = {
  node: string;
  label: string;
  chosen: readonly string[];
  choose: (paths: string[]) => void;
  /** Whether folders are only ways to files, and not chosen themselves. */
  isOnlyFiles?: boolean;
};

export function FolderTree({ node, label, chosen, choose, isOnlyFiles = false }: Props) {
  const id = useId();
  const [open, setOpen] = useState<ReadonlySet<string>>(
    () => new Set(chosen.flatMap(above).filter((path) => path !== TOP)),
  );
  const [active, setActive] = useState<string | undefined>(chosen[0]);
  const typed = useRef({ text: "", time: 0 });
  const pane = useRef<HTMLDivElement>(null);
  const { rows, failed } = useRows(node, open);
  const marks = useMemo(() => new Set(chosen), [chosen]);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => pane.current,
    estimateSize: () => ROW,
    overscan: 6,
    useFlushSync: false,
  });
  const shown = virtual.getVirtualItems();
  const first = rows.findIndex(({ kind }) => kind === "item");
  const found = useMemo(() => rows.findIndex(({ kind, path }) => kind === "item" && path === active), [rows, active]);
  const at = found >= 0 ? found : first;
  const isShown = shown.some(({ index }) => index === at);

  // What was chosen before is brought into sight once it is there; else people's folders, unless somebody has gone elsewhere already.
  const sought = useRef<{ path: string | undefined; align: "center" | "start" }>({ path: chosen[0], align: "center" });
  const isUntouched = active === undefined && open.size === 0;
  const start = useQuery({ ...home(node), enabled: isUntouched }).data;
  useEffect(() => {
    if (isUntouched && start != null) {
      sought.current = { path: start, align: "start" };
      setOpen(new Set([...above(start), start].filter((path) => path !== TOP)));
      setActive(start);
    }
  }, [isUntouched, start]);
  useEffect(() => {
    const { path, align } = sought.current;
    if (found >= 0 && path === active && rows[found + 1]?.kind !== "loading") {
      sought.current = { path: undefined, align };
      // Where people's folders begin stays in sight, and that there is something before it.
      const begin = rows.findLastIndex(({ level }, index) => index <= found && level === 1);
      virtual.scrollToIndex(align === "start" ? Math.max(0, begin - 1) : found, { align });
    }
  }, [found, active, rows, virtual]);

  const go = (index: number) => {
    const row = rows[index];
    if (row?.kind === "item") {
      setActive(row.path);
      virtual.scrollToIndex(index);
    }
  };
  /** The item that is so many rows away, or the last one on the way there. */
  const step = (count: number) => {
    let [last, left] = [at, Math.abs(count)];
    for (let index = at + Math.sign(count); left > 0 && index >= 0 && index < rows.length; index += Math.sign(count)) {
      if (rows[index]?.kind === "item") {
        last = index;
        left -= 1;
      }
    }
    go(last);
  };
  const turn = (path: string, on: boolean) =>
    setOpen((before) => {
      const after = new Set(before);
      if (on) {
        after.add(path);
      } else {
        after.delete(path);
      }
      return after;
    });
  const tick = ({ path, item }: Item) => {
    if (isText(item.name) && !isCovered(path, marks) && !(isOnlyFiles && item.kind === "folder")) {
      choose(ticked(chosen, path, !marks.has(path)));
    }
  };
  /** Goes to the next name that begins with what is typed, if there is one. */
  const jump = (key: string): boolean => {
    const now = Date.now();
    const before = now - typed.current.time < TYPING ? typed.current.text : "";
    const text = before + key.toLowerCase();
    const matches = (row: Row) => row.kind === "item" && row.item.name.toLowerCase().startsWith(text);
    const from = before === "" ? at + 1 : at;
    const after = rows.findIndex((row, index) => index >= from && matches(row));
    const target = after < 0 ? rows.findIndex(matches) : after;
    if (target >= 0 || key !== " ") {
      typed.current = { text, time: now };
    }
    go(target);
    return target >= 0;
  };
  const press = (event: React.KeyboardEvent) => {
    const row = rows[at];
    if (row?.kind !== "item" || event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    const isFolder = row.item.kind === "folder";
    const above = rows.findLastIndex(({ level }, index) => index < at && level === row.level - 1);
    const deeds: Record<string, () => void> = {
      ArrowDown: () => step(1),
      ArrowUp: () => step(-1),
      PageDown: () => step(PAGE),
      PageUp: () => step(-PAGE),
      Home: () => go(first),
      End: () => go(rows.findLastIndex(({ kind }) => kind === "item")),
      ArrowRight: () => isFolder && (open.has(row.path) ? step(1) : turn(row.path, true)),
      ArrowLeft: () => (open.has(row.path) ? turn(row.path, false) : go(above)),
      Enter: () => (isFolder ? turn(row.path, !open.has(row.path)) : tick(row)),
      // Within a name that is being typed a blank is one of its letters.
      " ": () => (Date.now() - typed.current.time < TYPING && jump(" ")) || tick(row),
    };
    const deed = deeds[event.key] ?? (event.key.length === 1 ? () => jump(event.key) : undefined);
    if (deed !== undefined) {
      event.preventDefault();
      deed();
    }
  };

  return (
    <>
      <div
        ref={pane}
        role="tree"
        aria-label={label}
        aria-multiselectable
        tabIndex={0}
        {...(isShown && { "aria-activedescendant": `${id}-${at}` })}
        onKeyDown={press}
        className="group h-80 overflow-auto rounded border border-edge bg-ground text-sm"
      >
        <div role="none" className="relative w-full" style={{ height: virtual.getTotalSize() }}>
          {shown.map(({ index, start }) => {
            const row = rows[index];
            return (
              row && (
                <div
                  key={index % REUSED}
                  role="none"
                  className="absolute top-0 left-0 w-full"
                  style={{ height: ROW, transform: `translateY(${start}px)` }}
                >
                  <FolderRow
                    id={`${id}-${index}`}
                    row={row}
                    isOnlyFiles={isOnlyFiles}
                    isOpen={open.has(row.path)}
                    isActive={index === at}
                    marks={marks}
                    turn={() => turn(row.path, !open.has(row.path))}
                    tick={() => row.kind === "item" && tick(row)}
                    go={() => go(index)}
                  />
                </div>
              )
            );
          })}
        </div>
      </div>
      <p role="status" className="sr-only">
        {failed}
      </p>
    </>
  );
}
