import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useMemo } from "react";

import { destinations, plans, runCounts, sources, type RunFilter } from "../api/queries";
import { useRuns } from "../api/useRuns";
import { Button, Empty, Failure, Field, Loading, PageHead, inputClass } from "../components/basics";
import { RunList } from "../components/RunList";
import { runSearch } from "../lib/search";
import { useTexts } from "../texts";

const route = getRouteApi("/runs");
const STATES = ["pending", "running", "paused", "completed", "failed", "cancelled"] as const;
const KINDS = ["backup", "restore", "verify", "prune"] as const;

export function Runs() {
  const texts = useTexts();
  // What makes no sense in an address is not asked for.
  const search = route.useSearch();
  const filter = useMemo(() => runSearch(search), [search]);
  const navigate = route.useNavigate();
  const query = useRuns(filter);
  const { runs: found, next, more } = query;
  const isFiltered = Object.keys(filter).some((name) => name !== "project");
  const choose = (change: Partial<Record<keyof RunFilter, string>>) =>
    void navigate({
      search: (before) => {
        const after = { ...before, ...change };
        return Object.fromEntries(Object.entries(after).filter(([, value]) => value !== ""));
      },
      replace: true,
    });
  return (
    <>
      <PageHead title={texts.pages.runs}>
        <Counts filter={filter} />
      </PageHead>
      <Filters filter={filter} choose={choose} />
      {query.isPending && <Loading />}
      {query.isError && <Failure error={query.error} again={() => void query.refetch()} />}
      {query.isSuccess && found.length === 0 && (
        <Empty
          title={isFiltered ? texts.runs.noMatch : texts.runs.none}
          {...(!isFiltered && { hint: texts.runs.noneHint })}
        >
          {isFiltered && <Button onClick={() => void navigate({ search: {} })}>{texts.runs.clear}</Button>}
        </Empty>
      )}
      {found.length > 0 && <RunList runs={found} see={query.see} />}
      {more.isError && <Failure error={more.error} />}
      {next !== undefined && (
        <p className="mt-3 text-center">
          <Button disabled={more.isPending} onClick={() => more.mutate(next)}>
            {texts.runs.older}
          </Button>
        </p>
      )}
    </>
  );
}

/** How many there are of each end, whatever state is filtered by. */
function Counts({ filter: { state: _, ...filter } }: { filter: RunFilter }) {
  const texts = useTexts();
  const { data } = useQuery(runCounts(filter));
  const shown = [
    [texts.runs.good, data?.successful, "text-good"],
    [texts.runs.failed, data?.failed, "text-bad"],
    [texts.runs.running, data?.running, "text-accent"],
  ] as const;
  return (
    <dl className="flex gap-5 text-sm">
      {shown.map(([name, count, colour]) => (
        <div key={name} className="flex items-baseline gap-1.5">
          <dt className="text-faint">{name}</dt>
          <dd className={`min-w-6 font-semibold tabular-nums ${colour}`}>{count?.toLocaleString() ?? "…"}</dd>
        </div>
      ))}
    </dl>
  );
}

type Choose = (change: Partial<Record<keyof RunFilter, string>>) => void;

function Filters({ filter, choose }: { filter: RunFilter; choose: Choose }) {
  const texts = useTexts();
  const [allPlans, allSources, allDestinations] = [
    useQuery(plans(filter.project)),
    useQuery(sources(filter.project)),
    useQuery(destinations(filter.project)),
  ];
  const named = (items: { id: string; name: string }[] | undefined) =>
    (items ?? []).map(({ id, name }) => [id, name] as const);
  const choices = [
    ["state", texts.runs.state, STATES.map((state) => [state, texts.states[state]] as const)],
    ["kind", texts.runs.kind, KINDS.map((kind) => [kind, texts.kinds[kind]] as const)],
    ["plan", texts.runs.plan, named(allPlans.data)],
    ["source", texts.runs.source, named(allSources.data)],
    ["destination", texts.runs.destination, named(allDestinations.data)],
  ] as const;
  return (
    <form className="mb-4 grid grid-cols-2 gap-2 sm:grid-cols-4 sm:gap-3 xl:grid-cols-7" onSubmit={(event) => event.preventDefault()}>
      {choices.map(([name, label, options]) => (
        <Field key={name} label={label}>
          <select
            className={inputClass}
            value={filter[name] ?? ""}
            onChange={({ target }) => choose({ [name]: target.value })}
          >
            <option value="">{texts.runs.any}</option>
            {options.map(([value, text]) => (
              <option key={value} value={value}>
                {text}
              </option>
            ))}
          </select>
        </Field>
      ))}
      {(["since", "until"] as const).map((name) => (
        <Field key={name} label={texts.runs[name]}>
          <input
            type="date"
            className={inputClass}
            value={filter[name] ?? ""}
            onChange={({ target }) => choose({ [name]: target.value })}
          />
        </Field>
      ))}
    </form>
  );
}
