import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useMemo } from "react";

import { audit } from "../../api/people";
import { useRights } from "../../api/roles";
import { Button, buttonClass, Empty, Failure, Loading, PageHead } from "../../components/basics";
import { useProject } from "../../components/project";
import type { AuditFilter } from "../../lib/audit";
import { auditSearch, type AuditSearch } from "../../lib/peopleSearch";
import { useTexts } from "../../texts";
import { AuditFilters } from "./AuditFilters";
import { EntryTable } from "./EntryTable";
import { Export } from "./Export";
import { Verify } from "./Verify";

const route = getRouteApi("/audit");

export function AuditPage() {
  const texts = useTexts();
  const words = texts.people.audit;
  const may = useRights();
  const project = useProject();
  const raw = route.useSearch();
  const navigate = route.useNavigate();
  const { cursor, entry, ...chosen } = useMemo(() => auditSearch(raw), [raw]);
  const filter: AuditFilter = { ...chosen, project };
  const query = useQuery({ ...audit(filter, cursor), placeholderData: (before) => before });
  const isFiltered = Object.keys(chosen).length > 0;
  const choose = (change: Partial<Record<keyof AuditSearch, string | undefined>>) =>
    void navigate({ search: auditSearch({ ...chosen, ...change }), replace: true });
  return (
    <>
      <PageHead title={texts.pages.audit}>
        <Export filter={filter} />
      </PageHead>
      {may("manageServer") && <Verify />}
      <AuditFilters filter={chosen} choose={choose} />
      {query.isPending && <Loading />}
      {query.isError && <Failure error={query.error} again={() => void query.refetch()} />}
      {query.data?.items.length === 0 && (
        <Empty title={isFiltered ? words.noMatch : words.none}>
          {isFiltered && <Button onClick={() => void navigate({ search: {} })}>{texts.runs.clear}</Button>}
        </Empty>
      )}
      {query.data !== undefined && query.data.items.length > 0 && (
        <EntryTable
          entries={query.data.items}
          open={entry}
          show={(number) =>
            void navigate({
              search: (before) => auditSearch({ ...before, entry: number }),
              replace: true,
              resetScroll: false,
            })
          }
          choose={choose}
        />
      )}
      <nav aria-label={words.pages} className="mt-3 flex flex-wrap justify-center gap-2">
        {cursor !== undefined && (
          <Link to="/audit" search={chosen} className={buttonClass()}>
            {words.newest}
          </Link>
        )}
        {typeof query.data?.next === "number" && (
          <Link to="/audit" search={{ ...chosen, cursor: query.data.next }} className={buttonClass()}>
            {texts.runs.older}
          </Link>
        )}
      </nav>
    </>
  );
}
