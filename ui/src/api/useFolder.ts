import { useQueries } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";

import { PAGE, pagesOf, type Asked, type Item } from "../lib/folder";
import { folderPage } from "./snapshots";

/** Where one only passes by, nothing is asked for. */
const STAYS = 80;
/** So many items around those in sight are asked for with them. */
const AROUND = 60;

type Shown = {
  /** How many items there are; none as long as that is not known. */
  total: number;
  isPending: boolean;
  error: Error | null;
  again: () => void;
  /** An item, if it is here already. */
  item: (index: number) => Item | undefined;
  /** Where an item with a name is, among those that are here. */
  find: (name: string) => number;
  /** Tells which items are in sight: their pages are asked for. */
  see: (first: number, last: number) => void;
};

/** A folder of a snapshot, of which only the pages in sight are asked for. */
export function useFolder(repository: string, snapshot: string, asked: Asked): Shown {
  const [sight, setSight] = useState<readonly number[]>([]);
  // The first page says how many there are.
  const wanted = useMemo(() => [...new Set([0, ...sight])], [sight]);
  const pages = useQueries({ queries: wanted.map((page) => folderPage(repository, snapshot, asked, page)) });
  const by = new Map(pages.map(({ data }, place) => [wanted[place], data?.items]));
  const known = pages.find(({ data }) => data !== undefined)?.data;
  const end = useRef(Infinity);
  useEffect(() => {
    end.current = known?.total ?? Infinity;
  }, [known]);
  const passing = useRef<ReturnType<typeof setTimeout>>(undefined);
  const see = useCallback((first: number, last: number) => {
    clearTimeout(passing.current);
    passing.current = setTimeout(() => {
      const now = pagesOf(Math.max(0, first - AROUND), Math.min(last + AROUND, end.current - 1));
      setSight((before) => (before.join() === now.join() ? before : now));
    }, STAYS);
  }, []);
  useEffect(() => () => clearTimeout(passing.current), []);
  const failed = pages.find(({ error }) => error !== null);
  const item = (index: number) => {
    const [page = 0] = pagesOf(index, index);
    return by.get(page)?.[index - page * PAGE];
  };
  return {
    total: known?.total ?? 0,
    isPending: known === undefined,
    error: failed?.error ?? null,
    again: () => void failed?.refetch(),
    item,
    find: (name) => {
      for (const [page = 0, items] of by) {
        const place = items?.findIndex((one) => one.name === name) ?? -1;
        if (place >= 0) {
          return page * PAGE + place;
        }
      }
      return -1;
    },
    see,
  };
}
