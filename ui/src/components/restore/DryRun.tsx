import { useQuery } from "@tanstack/react-query";

import { run } from "../../api/queries";
import { size } from "../../lib/format";
import { told } from "../../lib/restore";
import { useSpeech } from "../../texts";
import { Failure, Loading } from "../basics";
import { LogPane } from "../LogPane";
import { Progress } from "../Progress";
import { RunBadge } from "../RunBadge";

/** Where the stream of events does not come through, it is asked so often. */
const EVERY = 1000;

/** What a restore would do, by a run that only looked. */
export function DryRun({ id }: { id: string }) {
  const { texts, language } = useSpeech();
  const query = useQuery({ ...run(id), refetchInterval: ({ state }) => (state.data?.ended ? false : EVERY) });
  if (query.isLoadingError) {
    return <Failure error={query.error} again={() => void query.refetch()} />;
  }
  if (query.isPending) {
    return <Loading />;
  }
  const found = query.data;
  const isOver = Boolean(found.ended);
  const number = (name: string) => told(found, name).toLocaleString(language);
  const would = [texts.restore.would, `${number("files")} (${size(found.outcome?.bytes ?? 0, language)})`] as const;
  const wouldSkip = [texts.restore.wouldSkip, number("skipped")] as const;
  const wouldDelete = [texts.restore.wouldDelete, number("deleted")] as const;
  const { instance, into } = found.restore ?? {};
  const ofDatabases = [
    [texts.sqlite.would, `${number("databases")} (${size(found.outcome?.bytes ?? 0, language)})`] as const,
    [texts.sqlite.rows, number("rows")] as const,
  ];
  // Of an instance all files are exchanged. What would be deleted in a bucket is not looked for.
  const ofInto = { sqlite: ofDatabases, mongodb: [], s3: [would, wouldSkip] };
  const counts = instance ? [would] : into ? ofInto[into.type] : [would, wouldSkip, wouldDelete];
  return (
    <section aria-label={texts.restore.dryRun} aria-live="polite" className="rounded-lg border border-line p-4">
      <h3 className="mb-2 flex flex-wrap items-center justify-between gap-2 text-sm font-semibold">
        {texts.restore.dryRun}
        <RunBadge run={found} />
      </h3>
      {found.state === "running" && <Progress run={found} />}
      {found.waiting && <p className="text-sm text-faint wrap-anywhere">{found.waiting.reason}</p>}
      {found.error && (
        <div className="text-sm">
          <p className="font-semibold text-bad wrap-anywhere">{found.error.message}</p>
          {found.error.chain?.map((cause) => (
            <p key={cause} className="wrap-anywhere">
              {cause}
            </p>
          ))}
          {found.error.hint && <p className="text-faint">{found.error.hint}</p>}
        </div>
      )}
      {found.state === "completed" && counts.length === 0 && <p className="text-sm">{texts.mongodb.dryHint}</p>}
      {found.state === "completed" && counts.length > 0 && (
        <dl className="grid grid-cols-1 gap-3 text-sm sm:grid-cols-3">
          {counts.map(([name, value]) => (
            <div key={name}>
              <dt className="text-xs text-faint">{name}</dt>
              <dd className="font-semibold tabular-nums">{value}</dd>
            </div>
          ))}
        </dl>
      )}
      <details className="mt-3">
        <summary className="min-h-6 text-sm text-accent">{texts.log.title}</summary>
        <div className="mt-2">
          <LogPane run={id} isOver={isOver} />
        </div>
      </details>
    </section>
  );
}
