import type { FetchQueryOptions } from "@tanstack/react-query";
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate, type LinkProps } from "@tanstack/react-router";
import type { ReactNode } from "react";

import { useMay } from "../api/roles";
import type { Action } from "../lib/may";
import { PageHead } from "./basics";
import { Opened } from "./Opened";
import { Remove } from "./Remove";

type Kept = { id: string; name: string; project: string };

/** What a form of a record needs: how the record was when it was opened, and what happens after. */
export type Opening<T> = { opened: T; reload: () => void; saved: () => void };

type Props<T, K extends readonly unknown[]> = {
  record: T;
  /** How the record is asked for. */
  query: FetchQueryOptions<T, Error, T, K>;
  /** What one has to be able to do to change it. */
  action: Action;
  /** Where all records of its kind are. */
  list: NonNullable<LinkProps["to"]>;
  /** What stands beside its name. */
  badge?: ReactNode;
  /** What else can be done. */
  aside?: ReactNode;
  /** What is known of it. */
  children: ReactNode;
  form: (opening: Opening<T>) => ReactNode;
  remove: { hint: string; go: () => Promise<unknown> };
};

/** The page of a record: what is known of it, and for those who may change it the form and the way to be rid of it. */
export function RecordPage<T extends Kept, K extends readonly unknown[]>(props: Props<T, K>) {
  const { record, query, action, list, badge, aside, children, form, remove } = props;
  const queries = useQueryClient();
  const navigate = useNavigate();
  const mayEdit = useMay(action, record.project);
  const toList = () => navigate({ to: list });
  const saved = async () => {
    await queries.invalidateQueries({ queryKey: ["records"] });
    await toList();
  };
  return (
    <>
      <PageHead title={record.name} badge={badge}>
        {aside}
      </PageHead>
      <div className="flex flex-col gap-4">
        {children}
        {mayEdit && (
          <>
            <Opened record={record} fetch={() => queries.fetchQuery({ ...query, staleTime: 0 })}>
              {(opened, reload) => form({ opened, reload, saved: () => void saved() })}
            </Opened>
            <Remove name={record.name} {...remove} gone={toList} />
          </>
        )}
      </div>
    </>
  );
}
