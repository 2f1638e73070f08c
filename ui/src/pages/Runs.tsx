import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useMemo } from "react";

import { destinations, plans, runCounts, runs, sources, type RunFilter } from "../api/queries";
import { Button, Empty, Failure, Field, Loading, PageHead, inputClass } from "../components/basics";
import { RunPager } from "../components/RunPager";
import { RunTable } from "../components/RunTable";
import { runsSearch } from "../lib/search";
import { useSpeech, useTexts } from "../texts";

const route = getRouteApi("/runs");
const STATES = ["pending", "running", "paused", "completed", "failed", "cancelled"] as const;
const KINDS = ["backup", "copy", "restore", "verify", "prune"] as const;

export function Runs() {
  const texts = useTexts();
  // What makes no sense in an address is not asked for.
  const search = route.useSearch();
  const { after, ...filter } = useMemo(() => runsSearch(search), [search]);
  const navigate = route.useNavigate();
  const query = useQuery(runs(filter, after));
  const found = query.data?.items ?? [];
  const isFiltered = after !== undefined || Object.keys(filter).some((name) => name !== "project");
  const choose = (change: Partial<Record<keyof RunFilter, string>>) =>
    void navigate({
      search: (before) => {
        const { after: _, ...wanted } = { ...before, ...change };
        return Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== ""));
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
      {found.length > 0 && (
        <div aria-busy={query.isPlaceholderData} className={query.isPlaceholderData ? "opacity-60" : ""}>
          <RunTable runs={found} />
        </div>
      )}
      <RunPager after={after} next={query.isPlaceholderData ? undefined : (query.data?.next ?? undefined)} />
    </>
  );
}

/** How many there are of each end, whatever state is filtered by. */
function Counts({ filter: { state: _, ...filter } }: { filter: RunFilter }) {
  const { texts, language } = useSpeech();
  const { data } = useQuery(runCounts(filter));
  const shown = [
    [texts.runs.good, data?.successful, "text-good"],
    [texts.runs.failed, data?.failed, "text-bad"],
    [texts.runs.running, data?.running, "text-accent"],
  ] as const;
  return (
    <dl className="flex flex-wrap gap-x-5 gap-y-1 text-sm">
      {shown.map(([name, count, colour]) => (
        <div key={name} className="flex items-baseline gap-1.5">
          <dt className="text-faint">{name}</dt>
          <dd className={`min-w-6 font-semibold tabular-nums ${colour}`}>{count?.toLocaleString(language) ?? "…"}</dd>
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
