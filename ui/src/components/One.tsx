import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";

import { Problem } from "../api/client";
import { Failure, Loading } from "./basics";
import { Missing, type List } from "./Missing";

type UnshownProps = { error: Error; again: () => void; list?: List | undefined };

/** Why what an address names is not shown. Where there is no such thing, the way to the list that it would be in. */
export function Unshown({ error, again, list }: UnshownProps) {
  const isMissing = list !== undefined && error instanceof Problem && error.status === 404;
  return isMissing ? <Missing list={list} /> : <Failure error={error} again={again} />;
}

type Props<T> = { query: UseQueryResult<T>; list?: List; children: (record: T) => ReactNode };

/** What an address names, once it is there. */
export function One<T>({ query, list, children }: Props<T>) {
  if (query.data !== undefined) {
    return children(query.data);
  }
  return query.isError ? <Unshown error={query.error} again={() => void query.refetch()} list={list} /> : <Loading />;
}
