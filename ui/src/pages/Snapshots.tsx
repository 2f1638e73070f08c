import { useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { Search } from "lucide-react";
import { useEffect, useMemo, useRef, useState } from "react";

import { latestRuns, plans } from "../api/queries";
import { repositories, snapshots, type Repository, type Snapshot } from "../api/snapshots";
import { useRepository } from "../api/useRepository";
import { Button, Empty, Failure, Field, Loading, PageHead, buttonClass, inputClass } from "../components/basics";
import { useProject } from "../components/project";
import type { Choose } from "../components/snapshots/Line";
import { SnapshotList } from "../components/snapshots/SnapshotList";
import { Timeline } from "../components/snapshots/Timeline";
import { snapshotsSearch, type SnapshotsSearch } from "../lib/snapshotSearch";
import { narrowed, planOf } from "../lib/timeline";
import { useTexts } from "../texts";

const route = getRouteApi("/snapshots");

export function Snapshots() {
  const texts = useTexts();
  const search = snapshotsSearch(route.useSearch());
  const query = useQuery(repositories(useProject()));
  const navigate = route.useNavigate();
  const shown = query.data?.find(({ id }) => id === search.repository) ?? (search.repository ? undefined : query.data?.[0]);
  const isGone = query.isSuccess && query.data.length > 0 && shown === undefined;
  return (
    <>
      <PageHead title={texts.pages.snapshots}>
        {query.data && query.data.length > 1 && (
          <Field label={texts.snapshots.repository}>
            <select
              className={inputClass}
              value={shown?.id ?? ""}
              onChange={({ target }) => void navigate({ search: { repository: target.value } })}
            >
              {isGone && <option value="">–</option>}
              {query.data.map(({ id, name }) => (
                <option key={id} value={id}>
                  {name}
                </option>
              ))}
            </select>
          </Field>
        )}
      </PageHead>
      {query.isPending && <Loading />}
      {query.isError && <Failure error={query.error} again={() => void query.refetch()} />}
      {query.data?.length === 0 && <Empty title={texts.snapshots.noRepository} hint={texts.snapshots.noRepositoryHint} />}
      {isGone && (
        <Empty title={texts.snapshots.repositoryGone}>
          <Button onClick={() => void navigate({ search: {} })}>{texts.snapshots.otherRepository}</Button>
        </Empty>
      )}
      {shown && <OfRepository key={shown.id} repository={shown} search={search} />}
    </>
  );
}

/** Asks again when a run has come to an end there. Gives the last one, or `null` where none is known. */
function useFresh(repository: Repository): string | null | undefined {
  const queries = useQueryClient();
  const filter = { state: "completed", destination: repository.destination } as const;
  const runs = useQuery(latestRuns(filter, 1)).data;
  const newest = runs === undefined ? undefined : (runs[0]?.id ?? null);
  const before = useRef<string | null>(undefined);
  useEffect(() => {
    if (before.current !== undefined && before.current !== newest) {
      void queries.invalidateQueries({ queryKey: ["snapshots", repository.id] });
    }
    before.current = newest;
  }, [queries, repository.id, newest]);
  return newest;
}

function OfRepository({ repository, search }: { repository: Repository; search: SnapshotsSearch }) {
  const texts = useTexts();
  const newest = useFresh(repository);
  const { can, known } = useRepository(repository.id);
  const mayLook = can("viewContent");
  const [insists, setInsists] = useState(false);
  // Where nothing was backed up yet, there is nothing to be opened.
  const isWritten = repository.adopted === true || typeof newest === "string" || insists;
  const query = useQuery({ ...snapshots(repository.id), enabled: isWritten && mayLook });
  const allPlans = useQuery(plans()).data;
  const navigate = route.useNavigate();
  const names = useMemo(() => new Map(allPlans?.map(({ id, name }) => [id, name])), [allPlans]);
  const { plan, host, paths, day } = search;
  // The line keeps the days that are not chosen, so that one can go on to them.
  const onLine = useMemo(
    () => narrowed(query.data ?? [], { ...(plan && { plan }), ...(host && !day && { host }), ...(paths && !day && { paths }) }),
    [query.data, plan, host, paths, day],
  );
  const listed = useMemo(
    () => narrowed(query.data ?? [], { ...(plan && { plan }), ...(host && { host }), ...(paths && { paths }), ...(day && { day }) }),
    [query.data, plan, host, paths, day],
  );
  if (known && !mayLook) {
    return <Empty title={texts.snapshots.mayNot} hint={texts.restore.mayNotHint} />;
  }
  if (newest === null && !isWritten) {
    return (
      <Empty title={texts.snapshots.none(repository.name)} hint={texts.snapshots.noBackup}>
        <Button onClick={() => setInsists(true)}>{texts.snapshots.openIt}</Button>
      </Empty>
    );
  }
  if (query.isPending) {
    return <Loading />;
  }
  if (query.isError) {
    return (
      <>
        <p className="mb-2 text-sm text-faint">{texts.snapshots.cannotOpen(repository.name)}</p>
        <Failure error={query.error} again={() => void query.refetch()} />
      </>
    );
  }
  if (query.data.length === 0) {
    return <Empty title={texts.snapshots.none(repository.name)} hint={texts.snapshots.noneHint} />;
  }
  const choose: Choose = ({ host, paths }, day) =>
    void navigate({
      search: ({ day: _day, host: _host, paths: _paths, ...before }) => ({
        ...before,
        ...(day !== undefined && { day, host, paths: [...paths] }),
      }),
      replace: true,
      resetScroll: false,
    });
  const isNarrowed = Boolean(plan ?? host ?? paths ?? day);
  return (
    <div className="flex flex-col gap-4">
      <Filters search={search} all={query.data} names={names} />
      {onLine.length > 0 && <Timeline snapshots={onLine} search={search} choose={choose} />}
      <div className="flex flex-wrap items-center justify-between gap-3">
        <p role="status" className="text-sm text-faint tabular-nums">
          {texts.snapshots.shown(listed.length, query.data.length)}
        </p>
        <Link to="/search" search={{ repository: repository.id }} className={buttonClass()}>
          <Search aria-hidden size={16} />
          {texts.snapshots.find}
        </Link>
        {isNarrowed && (
          <Button onClick={() => void navigate({ search: { repository: repository.id } })}>{texts.runs.clear}</Button>
        )}
      </div>
      {listed.length > 0 ? (
        <SnapshotList snapshots={listed} plans={names} />
      ) : (
        <Empty title={texts.snapshots.noMatch} />
      )}
    </div>
  );
}

type FilterProps = { search: SnapshotsSearch; all: readonly Snapshot[]; names: ReadonlyMap<string, string> };

function Filters({ search, all, names }: FilterProps) {
  const texts = useTexts();
  const navigate = route.useNavigate();
  const found = useMemo(() => {
    const ofPlans = new Set(all.map(planOf).filter((id) => id !== undefined));
    return {
      hosts: [...new Set(all.map(({ host }) => host))].sort(),
      plans: [...ofPlans].map((id) => [id, names.get(id) ?? `${texts.snapshots.planGone} (${id.slice(0, 8)})`] as const),
    };
  }, [all, names, texts]);
  const choose = (change: { plan?: string | undefined; host?: string | undefined; day?: string | undefined }) =>
    void navigate({
      search: ({ paths: _, ...before }) =>
        snapshotsSearch({ ...before, ...(!("host" in change) && search.paths && { paths: search.paths }), ...change }),
      replace: true,
      resetScroll: false,
    });
  return (
    <form className="grid grid-cols-2 gap-3 sm:max-w-2xl sm:grid-cols-3" onSubmit={(event) => event.preventDefault()}>
      <Field label={texts.runs.plan}>
        <select className={inputClass} value={search.plan ?? ""} onChange={({ target }) => choose({ plan: target.value })}>
          <option value="">{texts.runs.any}</option>
          {found.plans.map(([id, name]) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
      </Field>
      <Field label={texts.snapshots.host}>
        <select className={inputClass} value={search.host ?? ""} onChange={({ target }) => choose({ host: target.value })}>
          <option value="">{texts.runs.any}</option>
          {found.hosts.map((host) => (
            <option key={host} value={host}>
              {host}
            </option>
          ))}
        </select>
      </Field>
      <Field label={texts.snapshots.day}>
        <input type="date" className={inputClass} value={search.day ?? ""} onChange={({ target }) => choose({ day: target.value })} />
      </Field>
    </form>
  );
}
