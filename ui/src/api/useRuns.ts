import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useMemo, useRef } from "react";

import { markAt, merged, NO_RUNS, TOP, type RunList } from "../lib/runList";
import { runPage, type Run, type RunFilter } from "./queries";

/** What comes into sight again after this time is asked for again. */
const FRESH = 30_000;
/** So many runs before the end of what is here, more are asked for. */
const AHEAD = 40;

const NONE: readonly Run[] = [];

/** The runs that a filter asks for, as far down as somebody has looked. Of changes, only what is in sight is asked for again. */
export function useRuns(filter: RunFilter) {
  const queries = useQueryClient();
  const key = useMemo(() => ["runs", "list", filter] as const, [filter]);
  const sight = useRef<readonly [number, number]>([0, 0]);
  const query = useQuery({
    queryKey: key,
    queryFn: async () => {
      const now = () => queries.getQueryData<RunList>(key) ?? NO_RUNS;
      const cursors = new Set(sight.current.map((place) => markAt(now(), place)?.cursor ?? TOP));
      let list = now();
      for (const cursor of cursors) {
        const page = await runPage(filter, cursor);
        list = merged(now(), cursor, page, Date.now());
        queries.setQueryData(key, list);
      }
      return list;
    },
    placeholderData: keepPreviousData,
    structuralSharing: false,
  });
  const more = useMutation({
    mutationFn: async (cursor: string) => {
      const page = await runPage(filter, cursor);
      queries.setQueryData<RunList>(key, (list = NO_RUNS) => merged(list, cursor, page, Date.now()));
    },
  });
  const { data, refetch, isPlaceholderData } = query;
  const { mutate, isIdle, isSuccess } = more;
  const next = isPlaceholderData ? undefined : data?.next;
  const see = useCallback(
    (first: number, last: number) => {
      if (data === undefined || isPlaceholderData) {
        return;
      }
      sight.current = [first, last];
      const shown = sight.current.map((place) => markAt(data, place));
      if (shown.some((mark) => mark !== undefined && Date.now() - mark.asked > FRESH)) {
        void refetch();
      }
      if (data.next !== undefined && last + AHEAD >= data.runs.length && (isIdle || isSuccess)) {
        mutate(data.next);
      }
    },
    [data, isPlaceholderData, refetch, mutate, isIdle, isSuccess],
  );
  return { ...query, runs: data?.runs ?? NONE, see, next, more };
}
