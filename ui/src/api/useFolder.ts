import { useQueries } from "@tanstack/react-query";
import { useCallback, useMemo, useState } from "react";

import { PAGE, pagesOf, type Asked, type Item } from "../lib/folder";
import { folderPage } from "./snapshots";

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
  const see = useCallback((first: number, last: number) => {
    const now = pagesOf(first, last);
    setSight((before) => (before.join() === now.join() ? before : now));
  }, []);
  const known = pages.find(({ data }) => data !== undefined)?.data;
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
