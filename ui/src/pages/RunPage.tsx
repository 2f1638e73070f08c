import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";

import { run, type Run } from "../api/queries";
import { useMay } from "../api/roles";
import { Card, Failure, Loading, PageHead } from "../components/basics";
import { LogPane } from "../components/LogPane";
import { Progress } from "../components/Progress";
import { RestoreFacts } from "../components/restore/RestoreFacts";
import { RunBadge } from "../components/RunBadge";
import { bytesOf, secondsOf, titleOf } from "../components/RunTable";
import { Steer } from "../components/Steer";
import { useNow, When } from "../components/When";
import { duration, moment, size } from "../lib/format";
import { useSpeech } from "../texts";
import { Name } from "../components/Name";

const route = getRouteApi("/runs/$id");

export function RunPage() {
  const { id } = route.useParams();
  const { texts } = useSpeech();
  const query = useQuery(run(id));
  if (query.isPending) {
    return <Loading />;
  }
  if (query.isError) {
    return <Failure error={query.error} again={() => void query.refetch()} />;
  }
  const found = query.data;
  return (
    <>
      <PageHead title={titleOf(found, texts)}>
        <RunBadge run={found} />
      </PageHead>
      <div className="flex flex-col gap-4">
        <Steer run={found} />
        {found.state === "running" && (
          <Card>
            <Progress run={found} />
          </Card>
        )}
        {found.waiting && <Waits waiting={found.waiting} />}
        {found.error && <Failed error={found.error} />}
        <Card>
          <Facts run={found} />
        </Card>
        <RestoreFacts run={found} />
        <Log run={found} />
      </div>
    </>
  );
}

/** Its log, for those who may see what is in backups. */
function Log({ run: { id, project, ended } }: { run: Run }) {
  return useMay("viewContent", project) ? <LogPane run={id} isOver={Boolean(ended)} /> : null;
}

function Waits({ waiting }: { waiting: NonNullable<Run["waiting"]> }) {
  const { texts } = useSpeech();
  return (
    <section className="rounded-lg border border-warn bg-card p-4 text-sm">
      <p className="font-semibold text-warn">{texts.runs.reason}</p>
      <p className="mt-1 wrap-anywhere">{waiting.reason}</p>
      {waiting.next_try && <NextTry time={waiting.next_try} />}
    </section>
  );
}

function NextTry({ time }: { time: string }) {
  const { texts, language } = useSpeech();
  return <p className="mt-1 text-faint">{texts.runs.nextTry(moment(time, language))}</p>;
}

function Failed({ error }: { error: NonNullable<Run["error"]> }) {
  return (
    <section className="rounded-lg border border-bad bg-card p-4 text-sm">
      <p className="font-semibold text-bad wrap-anywhere">{error.message}</p>
      {error.chain?.map((cause) => (
        <p key={cause} className="mt-1 wrap-anywhere">
          {cause}
        </p>
      ))}
      {error.hint && <p className="mt-1 text-faint">{error.hint}</p>}
    </section>
  );
}

function Facts({ run }: { run: Run }) {
  const { texts, language } = useSpeech();
  const seconds = secondsOf(run, useNow());
  const bytes = bytesOf(run);
  const outcome = run.outcome;
  const files = (outcome?.files_new ?? 0) + (outcome?.files_changed ?? 0) + (outcome?.files_unmodified ?? 0);
  const facts: [string, React.ReactNode][] = [
    [texts.runs.source, run.source && <Name key="source">{run.source.name}</Name>],
    [
      texts.runs.destination,
      run.destinations?.map(({ id, name, snapshot, error }) => (
        <span key={id} className="block">
          <Name>{name}</Name>
          {snapshot && <code className="ml-2 text-xs text-faint">{snapshot.slice(0, 8)}</code>}
          {error && <span className="ml-2 text-bad">{error}</span>}
        </span>
      )),
    ],
    [texts.runs.started, run.started && <When time={run.started} />],
    [texts.runs.ended, run.ended && <When time={run.ended} />],
    [texts.runs.duration, seconds !== undefined && duration(seconds, language)],
    [texts.runs.size, bytes > 0 && size(bytes, language)],
    [texts.runs.added, outcome?.bytes_added !== undefined && size(outcome.bytes_added, language)],
    [texts.runs.files, files > 0 && files.toLocaleString(language)],
    [texts.runs.rate, bytes > 0 && seconds ? `${size(bytes / seconds, language)}/s` : undefined],
    [texts.runs.requestedBy, run.requested_by],
    [texts.runs.attempt, run.attempt > 1 && run.attempt],
    [texts.runs.id, <code key="id" className="text-xs">{run.id}</code>],
    [
      texts.runs.plan,
      run.plan && (
        <Link to="/runs" search={{ plan: run.plan.id }} className="text-accent hover:underline">
          <Name>{run.plan.name}</Name>
        </Link>
      ),
    ],
  ];
  return (
    <dl className="grid grid-cols-2 gap-x-6 gap-y-3 text-sm sm:grid-cols-3 xl:grid-cols-4">
      {facts
        .filter(([, value]) => Boolean(value))
        .map(([name, value]) => (
          <div key={name} className="min-w-0">
            <dt className="text-xs text-faint">{name}</dt>
            <dd className="wrap-anywhere tabular-nums">{value}</dd>
          </div>
        ))}
    </dl>
  );
}
