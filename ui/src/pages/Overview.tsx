import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { CircleAlert, ShieldCheck, ShieldQuestion } from "lucide-react";

import { connections, latestRuns, nodes, plans, runCounts, type Plan, type Run } from "../api/queries";
import { Card, Empty, Failure, Loading } from "../components/basics";
import { Progress } from "../components/Progress";
import { RunBadge } from "../components/RunBadge";
import { bytesOf, titleOf } from "../components/RunTable";
import { RunNow } from "../components/RunNow";
import { Strip } from "../components/Strip";
import { useNow, When } from "../components/When";
import { percent, size } from "../lib/format";
import { concerns, lastOf, strip, type Concern } from "../lib/verdict";
import { useSpeech } from "../texts";

const DAYS = 30;
/** As many runs as the server tells at once. */
const MOST = 200;

/** The first of the last days, as the address of a page has it. */
function since(now: number): string {
  const date = new Date(now);
  date.setDate(date.getDate() - DAYS + 1);
  return date.toLocaleDateString("sv");
}

export function Overview() {
  const now = useNow();
  const from = since(now);
  const allPlans = useQuery(plans());
  const backups = useQuery(latestRuns({ kind: "backup", since: from }, MOST));
  const allConnections = useQuery(connections());
  const allNodes = useQuery(nodes());
  const asked = [allPlans, backups, allConnections, allNodes];
  const failed = asked.find((query) => query.isError);
  if (failed?.error) {
    return <Failure error={failed.error} again={() => asked.forEach((query) => void query.refetch())} />;
  }
  if (!allPlans.data || !backups.data || !allConnections.data || !allNodes.data) {
    return <Loading />;
  }
  const found = concerns(allPlans.data, backups.data, allConnections.data, allNodes.data, now);
  return (
    <div className="flex flex-col gap-4">
      <Verdict plans={allPlans.data} found={found} />
      <Figures from={from} runs={backups.data} />
      <div className="grid items-start gap-4 xl:grid-cols-2">
        <Running />
        <Plans plans={allPlans.data} runs={backups.data} now={now} />
      </div>
    </div>
  );
}

function Verdict({ plans, found }: { plans: Plan[]; found: Concern[] }) {
  const { texts } = useSpeech();
  const [Sign, colour, text] =
    found.length > 0
      ? ([CircleAlert, "text-bad", texts.overview.needs(found.length)] as const)
      : plans.length === 0
        ? ([ShieldQuestion, "text-faint", texts.overview.nothing] as const)
        : ([ShieldCheck, "text-good", texts.overview.good] as const);
  return (
    <section className="rounded-lg border border-line bg-card p-5">
      <h1 className={`flex items-center gap-3 text-2xl font-semibold ${colour}`}>
        <Sign aria-hidden size={36} className="shrink-0" />
        {text}
      </h1>
      {plans.length === 0 && <p className="mt-2 text-faint">{texts.overview.nothingHint}</p>}
      {found.length > 0 && (
        <ul className="mt-4 flex flex-col gap-2 text-sm">
          {found.map((concern) => (
            <li key={keyOf(concern)} className="border-l-4 border-bad pl-3 wrap-anywhere">
              <Told concern={concern} />
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function keyOf(concern: Concern): string {
  switch (concern.what) {
    case "connection":
      return `${concern.what} ${concern.connection.id}`;
    case "trouble":
    case "silent":
      return `${concern.what} ${concern.node.id}`;
    default:
      return `${concern.what} ${concern.plan.id}`;
  }
}

function Told({ concern }: { concern: Concern }) {
  const { texts } = useSpeech();
  const words = texts.overview;
  const link = "font-semibold text-accent hover:underline";
  switch (concern.what) {
    case "failed":
      return (
        <>
          <Link to="/runs/$id" params={{ id: concern.run.id }} className={link}>
            {words.planFailed(concern.plan.name)}
          </Link>{" "}
          (<When time={concern.run.ended} />)<p className="text-faint">{concern.run.error?.message}</p>
        </>
      );
    case "incomplete":
      return (
        <Link to="/runs/$id" params={{ id: concern.run.id }} className={link}>
          {words.planIncomplete(concern.plan.name, concern.errors)}
        </Link>
      );
    case "never":
      return (
        <Link to="/plans" className={link}>
          {words.planNever(concern.plan.name)}
        </Link>
      );
    case "connection":
      return (
        <>
          <Link to="/connections/$id" params={{ id: concern.connection.id }} className={link}>
            {words.connectionFails(concern.connection.name)}
          </Link>
          <p className="text-faint">{concern.connection.status.reason}</p>
        </>
      );
    case "trouble":
      return (
        <>
          <Link to="/nodes" className={link}>
            {words.nodeTrouble(concern.node.name)}
          </Link>
          <p className="text-faint">{concern.text}</p>
        </>
      );
    case "silent":
      return (
        <>
          <Link to="/nodes" className={link}>
            {words.nodeSilent(concern.node.name)}
          </Link>{" "}
          (<When time={concern.node.last_seen} />)
        </>
      );
  }
}

function Figures({ from, runs }: { from: string; runs: Run[] }) {
  const { texts, language } = useSpeech();
  const { data } = useQuery(runCounts({ kind: "backup", since: from }));
  const over = (data?.successful ?? 0) + (data?.failed ?? 0);
  const last = runs.find((run) => run.state === "completed");
  const figures: [string, React.ReactNode][] = [
    [texts.overview.lastBackup, <When key="last" time={last?.ended} />],
    [texts.overview.success, over === 0 ? "–" : percent(data?.successful ?? 0, over, language)],
    [texts.overview.backups, data === undefined ? "…" : over.toLocaleString(language)],
    [texts.overview.read, size(runs.reduce((sum, run) => sum + bytesOf(run), 0), language)],
  ];
  return (
    <dl className="grid grid-cols-2 gap-3 lg:grid-cols-4">
      {figures.map(([name, value]) => (
        <div key={name} className="rounded-lg border border-line bg-card p-4">
          <dt className="text-xs text-faint">{name}</dt>
          <dd className="mt-1 text-lg font-semibold tabular-nums">{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Running() {
  const { texts } = useSpeech();
  const { data } = useQuery(latestRuns({ state: "running,paused,pending" }, 10));
  return (
    <Card title={texts.overview.running}>
      {data?.length === 0 && <p className="text-sm text-faint">{texts.overview.nothingRuns}</p>}
      <ul className="flex flex-col gap-4">
        {data?.map((run) => (
          <li key={run.id}>
            <div className="mb-1 flex items-baseline justify-between gap-3">
              <Link to="/runs/$id" params={{ id: run.id }} className="font-semibold text-accent wrap-anywhere hover:underline">
                {titleOf(run, texts)}
              </Link>
              <RunBadge run={run} />
            </div>
            {run.state === "running" && <Progress run={run} />}
            {run.waiting && <p className="text-sm text-faint wrap-anywhere">{run.waiting.reason}</p>}
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Plans({ plans, runs, now }: { plans: Plan[]; runs: Run[]; now: number }) {
  const { texts } = useSpeech();
  if (plans.length === 0) {
    return <Empty title={texts.plans.none} hint={texts.plans.noneHint} />;
  }
  return (
    <Card title={`${texts.pages.plans} – ${texts.overview.last30}`}>
      <ul className="flex flex-col gap-4">
        {plans.map((plan) => {
          const last = lastOf(plan, runs);
          const own = runs.filter((run) => run.plan?.id === plan.id);
          return (
            <li key={plan.id}>
              <div className="mb-1 flex items-center justify-between gap-3">
                <Link to="/runs" search={{ plan: plan.id }} className="font-semibold text-accent wrap-anywhere hover:underline">
                  {plan.name}
                </Link>
                <span className="flex items-center gap-3 text-xs text-faint">
                  {plan.enabled === false ? texts.overview.disabled : last && <When time={last.ended} />}
                  <RunNow plan={plan} />
                </span>
              </div>
              <Strip days={strip(own, DAYS, now)} />
            </li>
          );
        })}
      </ul>
    </Card>
  );
}
