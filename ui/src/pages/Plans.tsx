import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { answer, api } from "../api/client";
import { destinations, plans, sources, upcoming, type Plan } from "../api/queries";
import { Button, Card, Empty, Failure, Loading, PageHead } from "../components/basics";
import { useProject } from "../components/project";
import { RestoreLatest } from "../components/restore/RestoreLatest";
import { RunNow } from "../components/RunNow";
import { moment } from "../lib/format";
import { useSpeech } from "../texts";

export function Plans() {
  const { texts } = useSpeech();
  const query = useQuery(plans(useProject()));
  return (
    <>
      <PageHead title={texts.pages.plans} />
      {query.isPending && <Loading />}
      {query.isError && <Failure error={query.error} again={() => void query.refetch()} />}
      {query.data?.length === 0 && <Empty title={texts.plans.none} hint={texts.plans.noneHint} />}
      <ul className="grid gap-4 xl:grid-cols-2">
        {query.data?.map((plan) => (
          <li key={plan.id}>
            <OnePlan plan={plan} />
          </li>
        ))}
      </ul>
    </>
  );
}

function OnePlan({ plan }: { plan: Plan }) {
  const { texts, language } = useSpeech();
  const queries = useQueryClient();
  const { data: schedule } = useQuery(upcoming(plan.id));
  const names = {
    sources: new Map(useQuery(sources()).data?.map(({ id, name }) => [id, name])),
    destinations: new Map(useQuery(destinations()).data?.map(({ id, name }) => [id, name])),
  };
  const isOn = plan.enabled !== false;
  const turn = useMutation({
    mutationFn: () => {
      const params = { params: { path: { id: plan.id } } };
      return answer<unknown>(
        isOn ? api.POST("/api/v1/plans/{id}/disable", params) : api.POST("/api/v1/plans/{id}/enable", params),
      );
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ["records"] }),
  });
  const next = schedule?.next[0];
  const facts: [string, string][] = [
    [texts.pages.sources, plan.sources.map((id) => names.sources.get(id) ?? "…").join(", ")],
    [texts.pages.destinations, plan.destinations.map((id) => names.destinations.get(id) ?? "…").join(", ")],
    [texts.plans.schedule, schedule?.description ?? "…"],
    [texts.plans.next, !isOn ? texts.overview.disabled : next ? moment(next, language) : texts.overview.noSchedule],
  ];
  return (
    <Card
      title={plan.name}
      aside={
        <Link to="/runs" search={{ plan: plan.id }} className="text-sm text-accent hover:underline">
          {texts.pages.runs}
        </Link>
      }
    >
      <dl className="mb-4 grid grid-cols-2 gap-3 text-sm">
        {facts.map(([name, value]) => (
          <div key={name} className="min-w-0">
            <dt className="text-xs text-faint">{name}</dt>
            <dd className="wrap-anywhere">{value}</dd>
          </div>
        ))}
      </dl>
      <div className="flex flex-wrap gap-2">
        <RunNow plan={plan} />
        <RestoreLatest plan={plan} />
        <Button disabled={turn.isPending} onClick={() => turn.mutate()}>
          {isOn ? texts.plans.disable : texts.plans.enable}
        </Button>
      </div>
      {turn.error !== null && <Failure error={turn.error} />}
    </Card>
  );
}
