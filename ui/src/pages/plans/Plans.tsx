import { useQuery } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { useMemo } from "react";

import { plans, standing } from "../../api/queries";
import { useMay } from "../../api/roles";
import { Button, Empty, Failure, Field, Loading, PageHead, buttonClass, inputClass } from "../../components/basics";
import { useProject } from "../../components/project";
import { PLAN_STATES, chosenPlans, planSearch, type PlanFilter } from "../../lib/plan/choice";
import { isFailing } from "../../lib/verdict";
import { useTexts } from "../../texts";
import { PlanList } from "./PlanList";

const route = getRouteApi("/plans");

export function Plans() {
  const texts = useTexts();
  const words = texts.plan;
  const search = route.useSearch();
  const filter = useMemo(() => planSearch(search), [search]);
  const navigate = route.useNavigate();
  const project = useProject();
  const query = useQuery(plans(project));
  const overview = useQuery(standing(project));
  const failed = query.error ?? overview.error;
  const failing = new Set(overview.data?.plans.filter(isFailing).map(({ plan }) => plan.id));
  const isReady = query.isSuccess && overview.isSuccess;
  const found = isReady ? chosenPlans(query.data, filter, failing) : [];
  const add = useMay("editPlans") && (
    <Link to="/plans/new" className={buttonClass("accent")}>
      <Plus aria-hidden size={16} />
      {words.add}
    </Link>
  );
  const isEmpty = query.data?.length === 0;
  return (
    <>
      <PageHead title={texts.pages.plans}>{!isEmpty && add}</PageHead>
      {isReady && !isEmpty && <Filters filter={filter} count={found.length} />}
      {failed && <Failure error={failed} again={() => [query, overview].forEach((asked) => void asked.refetch())} />}
      {!isReady && !failed && <Loading />}
      {isEmpty && (
        <Empty title={texts.plans.none} hint={texts.plans.noneHint}>
          {add}
        </Empty>
      )}
      {isReady && !isEmpty && found.length === 0 && (
        <Empty title={words.noMatch}>
          <Button onClick={() => void navigate({ search: {} })}>{texts.runs.clear}</Button>
        </Empty>
      )}
      {overview.data && found.length > 0 && <PlanList plans={found} overview={overview.data} />}
    </>
  );
}

function Filters({ filter, count }: { filter: PlanFilter; count: number }) {
  const words = useTexts().plan;
  const navigate = route.useNavigate();
  const choose = (change: { q?: string; state?: string }) =>
    void navigate({ search: (before) => planSearch({ ...before, ...change }), replace: true });
  return (
    <search className="mb-4 flex flex-wrap items-end gap-3">
      <div className="w-64 max-w-full">
        <Field label={words.search}>
          <input
            type="search"
            className={inputClass}
            value={filter.q ?? ""}
            onChange={({ target }) => choose({ q: target.value })}
          />
        </Field>
      </div>
      <Field label={words.state}>
        <select
          className={inputClass}
          value={filter.state ?? ""}
          onChange={({ target }) => choose({ state: target.value })}
        >
          <option value="">{words.states.any}</option>
          {PLAN_STATES.map((state) => (
            <option key={state} value={state}>
              {words.states[state]}
            </option>
          ))}
        </select>
      </Field>
      <p role="status" className="pb-2 text-sm text-faint tabular-nums">
        {words.count(count)}
      </p>
    </search>
  );
}
