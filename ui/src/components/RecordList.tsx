import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";

import { Failure, Loading } from "./basics";

type Props<T> = {
  query: UseQueryResult<T[]>;
  /** What there is to say while there are none. */
  none: ReactNode;
  children: (record: T) => ReactNode;
};

/** Records one below the other. */
export function RecordList<T extends { id: string }>({ query, none, children }: Props<T>) {
  if (query.isPending) {
    return <Loading />;
  }
  if (query.isError) {
    return <Failure error={query.error} again={() => void query.refetch()} />;
  }
  if (query.data.length === 0) {
    return none;
  }
  return (
    <ul className="divide-y divide-line rounded-lg border border-line bg-card">
      {query.data.map((record) => (
        <li key={record.id} className="p-4">
          {children(record)}
        </li>
      ))}
    </ul>
  );
}
