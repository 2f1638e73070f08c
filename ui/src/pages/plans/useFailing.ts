import { useQueries, useQuery } from "@tanstack/react-query";

import { latestRuns, type Run } from "../../api/queries";

/** As many runs as the server tells at once. */
const MOST = 200;

/** The plans whose last backup that came to an end failed; `undefined` while that is not known. */
export function useFailing(isAsked: boolean): ReadonlySet<string> | undefined {
  const failed = useQuery({ ...latestRuns({ kind: "backup", state: "failed" }, MOST), enabled: isAsked });
  // Only plans that have failed at some time can have failed last.
  const plans = [...new Set(failed.data?.flatMap(({ plan }) => (plan ? [plan.id] : [])))];
  return useQueries({
    queries: plans.map((plan) => ({
      ...latestRuns({ plan, kind: "backup", state: "completed,failed" }, 1),
      enabled: isAsked,
    })),
    combine: (lasts) => {
      if (failed.data === undefined || lasts.some(({ isPending }) => isPending)) {
        return undefined;
      }
      const runs = lasts.flatMap(({ data }): Run[] => data ?? []);
      return new Set(runs.flatMap(({ plan, state }) => (plan && state === "failed" ? [plan.id] : [])));
    },
  });
}
