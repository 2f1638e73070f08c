import { Link, type LinkProps } from "@tanstack/react-router";
import type { UseQueryResult } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import type { ReactNode } from "react";

import { useMay } from "../api/roles";
import type { Action } from "../lib/may";
import { Empty, PageHead, buttonClass } from "./basics";
import { RecordList } from "./RecordList";

type Props<T> = {
  title: string;
  query: UseQueryResult<T[]>;
  /** What one has to be able to do to make a new one. */
  action: Action;
  /** Where a new one is made. */
  to: NonNullable<LinkProps["to"]>;
  words: { add: string; none: string; noneHint: string };
  children: (record: T) => ReactNode;
};

/** All records of a kind, with the way to a new one for those who may make it. */
export function RecordsPage<T extends { id: string }>({ title, query, action, to, words, children }: Props<T>) {
  const add = useMay(action) && (
    <Link to={to} className={buttonClass("accent")}>
      <Plus aria-hidden size={16} />
      {words.add}
    </Link>
  );
  return (
    <>
      <PageHead title={title}>{query.data?.length !== 0 && add}</PageHead>
      <RecordList
        query={query}
        none={
          <Empty title={words.none} hint={words.noneHint}>
            {add}
          </Empty>
        }
      >
        {children}
      </RecordList>
    </>
  );
}
