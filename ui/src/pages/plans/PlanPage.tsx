import { useQuery } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import { Copy, History, Pencil } from "lucide-react";

import { answer, api } from "../../api/client";
import { latestRuns, standing, type Plan } from "../../api/queries";
import { nextTimes, plan } from "../../api/records";
import { useMay } from "../../api/roles";
import { Card, Loading, PageHead, buttonClass } from "../../components/basics";
import { ConcernList } from "../../components/ConcernList";
import { One } from "../../components/One";
import { Remove } from "../../components/Remove";
import { PlanHealth } from "../../components/PlanHealth";
import { RestoreLatest } from "../../components/restore/RestoreLatest";
import { RunNow } from "../../components/RunNow";
import { RunTable } from "../../components/RunTable";
import { Strip } from "../../components/Strip";
import { momentIn } from "../../lib/format";
import { faultsOf, healthOf, stripOf } from "../../lib/verdict";
import { useSpeech } from "../../texts";
import { PlanFacts } from "./PlanFacts";
import { PlanMoments } from "./PlanMoments";
import { TurnPlan } from "./TurnPlan";

const route = getRouteApi("/plans/$id");

export function PlanPage() {
  const { id } = route.useParams();
  return <One query={useQuery(plan(id))} list="plans">{(found) => <Page key={id} plan={found} />}</One>;
}

function Page({ plan: found }: { plan: Plan }) {
  const { texts } = useSpeech();
  const words = texts.plan;
  const navigate = route.useNavigate();
  const mayEdit = useMay("editPlans", found.project);
  const overview = useQuery(standing(found.project)).data;
  const stands = overview?.plans.find(({ plan }) => plan.id === found.id);
  return (
    <>
      <PageHead title={found.name} badge={stands && <PlanHealth health={healthOf(stands)} />}>
        <Actions plan={found} />
      </PageHead>
      <div className="flex flex-col gap-4">
        {stands !== undefined && stands.faults.length > 0 && (
          <Card title={texts.overview.damaged}>
            <ConcernList found={faultsOf(stands)} />
          </Card>
        )}
        <Card>
          <PlanFacts plan={found} />
        </Card>
        <div className="grid items-start gap-4 xl:grid-cols-2">
          <Next plan={found} />
          <Card title={texts.overview.last30}>
            <div className="h-6">{overview && stands && <Strip days={stripOf(stands, overview.days)} />}</div>
          </Card>
        </div>
        {found.continuous && <PlanMoments plan={found} />}
        <Runs plan={found} />
        {mayEdit && (
          <Remove
            name={found.name}
            hint={words.removeHint}
            go={() => answer(api.DELETE("/api/v1/plans/{id}", { params: { path: { id: found.id } } }))}
            gone={() => navigate({ to: "/plans" })}
          />
        )}
      </div>
    </>
  );
}

function Actions({ plan: { id }, plan: found }: { plan: Plan }) {
  const words = useSpeech().texts.plan;
  const mayEdit = useMay("editPlans", found.project);
  return (
    <div className="flex flex-wrap items-center gap-2">
      <RunNow plan={found} tone="accent" />
      <RestoreLatest plan={found} />
      {mayEdit && (
        <>
          <Link to="/plans/$id/edit" params={{ id }} className={buttonClass()}>
            <Pencil aria-hidden size={16} />
            {words.edit}
          </Link>
          <TurnPlan plan={found} />
          <Link to="/plans/new" search={{ from: id }} className={buttonClass()}>
            <Copy aria-hidden size={16} />
            {words.clone}
          </Link>
        </>
      )}
      <Link to="/plans/$id/revisions" params={{ id }} className={buttonClass()}>
        <History aria-hidden size={16} />
        {words.revisions.link}
      </Link>
    </div>
  );
}

function Next({ plan: found }: { plan: Plan }) {
  const { texts, language } = useSpeech();
  const { data } = useQuery(nextTimes(found.id));
  const zone = found.schedule?.zone ?? "UTC";
  return (
    <Card title={texts.plan.next}>
      {data === undefined && <Loading />}
      {data?.next.length === 0 && (
        <p className="text-sm text-faint">{found.enabled === false ? texts.plan.nextOff : texts.plan.nextNone}</p>
      )}
      <ol className="text-sm tabular-nums">
        {data?.next.map((time) => (
          <li key={time}>
            <time dateTime={time}>{momentIn(time, zone, language)}</time>
          </li>
        ))}
      </ol>
    </Card>
  );
}

function Runs({ plan: found }: { plan: Plan }) {
  const { texts } = useSpeech();
  const { data } = useQuery(latestRuns({ plan: found.id }, 5));
  return (
    <section>
      <header className="mb-3 flex items-baseline justify-between gap-4">
        <h2 className="text-base font-semibold">{texts.plan.lastRuns}</h2>
        <Link to="/runs" search={{ plan: found.id }} className="text-sm text-accent hover:underline">
          {texts.plan.runs}
        </Link>
      </header>
      {data === undefined && <Loading />}
      {data?.length === 0 && <p className="text-sm text-faint">{texts.runs.none}</p>}
      {data !== undefined && data.length > 0 && <RunTable runs={data} />}
    </section>
  );
}
