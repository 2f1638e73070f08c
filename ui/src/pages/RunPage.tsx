import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";

import { run, type Run } from "../api/queries";
import { useMay } from "../api/roles";
import { Card, Loading, PageHead } from "../components/basics";
import { LogPane } from "../components/LogPane";
import { Unshown } from "../components/One";
import { Progress } from "../components/Progress";
import { RestoreFacts, RestoreInstead } from "../components/restore/RestoreFacts";
import { RunBadge } from "../components/RunBadge";
import { RunFacts } from "../components/RunFacts";
import { titleOf } from "../components/RunTable";
import { Steer } from "../components/Steer";
import { moment } from "../lib/format";
import { useSpeech } from "../texts";

const route = getRouteApi("/runs/$id");

export function RunPage() {
  const { id } = route.useParams();
  const { texts } = useSpeech();
  const query = useQuery(run(id));
  if (query.isPending) {
    return <Loading />;
  }
  if (query.isError) {
    return <Unshown error={query.error} again={() => void query.refetch()} list="runs" />;
  }
  const found = query.data;
  return (
    <>
      <PageHead title={titleOf(found, texts)} badge={<RunBadge run={found} />}>
        <Steer run={found} />
      </PageHead>
      <div className="flex flex-col gap-4">
        {found.state === "running" && (
          <Card>
            <Progress run={found} />
          </Card>
        )}
        {found.waiting && <Waits waiting={found.waiting} />}
        {found.error && <Failed run={found} error={found.error} />}
        <Card>
          <RunFacts run={found} />
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

function Failed({ run, error }: { run: Run; error: NonNullable<Run["error"]> }) {
  return (
    <section className="rounded-lg border border-bad bg-card p-4 text-sm">
      <p className="font-semibold text-bad wrap-anywhere">{error.message}</p>
      {error.chain?.map((cause) => (
        <p key={cause} className="mt-1 wrap-anywhere">
          {cause}
        </p>
      ))}
      {error.hint && <p className="mt-1 text-faint wrap-anywhere">{error.hint}</p>}
      {error.instead && (
        <div className="mt-3">
          <RestoreInstead run={run} />
        </div>
      )}
    </section>
  );
}
