import { Link } from "@tanstack/react-router";

import type { Run } from "../api/queries";
import { useMay } from "../api/roles";
import { duration, size } from "../lib/format";
import { told } from "../lib/restore";
import { useSpeech } from "../texts";
import { CutApart } from "./CutApart";
import { Facts, type Fact } from "./Facts";
import { Name } from "./Name";
import { addedOf, bytesOf, secondsOf } from "./RunTable";
import { useNow, When } from "./When";

/** What is known of a run. */
export function RunFacts({ run }: { run: Run }) {
  const { texts, language } = useSpeech();
  const seconds = secondsOf(run, useNow());
  const [bytes, added] = [bytesOf(run), addedOf(run)];
  const outcome = run.outcome;
  const downtime = told(run, "downtime_ms");
  const files = (outcome?.files_new ?? 0) + (outcome?.files_changed ?? 0) + (outcome?.files_unmodified ?? 0);
  const facts: Fact[] = [
    [
      texts.runs.plan,
      run.plan && (
        <Link to="/runs" search={{ plan: run.plan.id }} className="text-accent hover:underline">
          <Name>{run.plan.name}</Name>
        </Link>
      ),
    ],
    [texts.runs.source, run.source && <Name key="source">{run.source.name}</Name>],
    [texts.runs.from, run.from && <Name key="from">{run.from.name}</Name>],
    [texts.runs.destination, run.destinations && run.destinations.length > 0 && <Destinations run={run} />],
    [texts.runs.started, run.started && <When time={run.started} />],
    [texts.runs.ended, run.ended && <When time={run.ended} />],
    [texts.runs.duration, seconds !== undefined && duration(seconds, language)],
    [texts.runs.size, bytes > 0 && size(bytes, language)],
    [texts.runs.copied, run.kind === "copy" && outcome && (outcome.snapshots_copied ?? 0).toLocaleString(language)],
    [texts.runs.added, added !== undefined && size(added, language)],
    [texts.runs.files, files > 0 && files.toLocaleString(language)],
    [texts.runs.rate, bytes > 0 && seconds ? `${size(bytes / seconds, language)}/s` : undefined],
    [texts.mysql.stopped, downtime > 0 && duration(downtime / 1000, language)],
    [texts.runs.requestedBy, run.requested_by],
    [texts.runs.attempt, run.attempt > 1 && run.attempt],
    [texts.runs.id, <code key="id" className="text-xs">{run.id}</code>],
  ];
  return <Facts facts={facts} />;
}

/** Where it went, each with the way to the snapshot there. */
function Destinations({ run }: { run: Run }) {
  const mayLook = useMay("viewContent", run.project);
  return run.destinations?.map((at) => {
    const { id, name, snapshot, repository, error } = at;
    const short = snapshot && <code className="text-xs">{snapshot.slice(0, 8)}</code>;
    return (
      <span key={id} className="block">
        <Name>{name}</Name>{" "}
        {snapshot && mayLook && repository ? (
          <Link
            to="/snapshots/$repository/$snapshot"
            params={{ repository, snapshot }}
            className="text-accent hover:underline"
          >
            {short}
          </Link>
        ) : (
          short
        )}
        {error && error !== run.error?.message && <span className="ml-2 text-bad">{error}</span>}
        <CutApart at={at} />
      </span>
    );
  });
}
