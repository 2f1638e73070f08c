import { useQuery } from "@tanstack/react-query";

import type { Plan } from "../../api/queries";
import { moments } from "../../api/records";
import { Card, Loading } from "../../components/basics";
import { momentIn } from "../../lib/format";
import { isolated } from "../../lib/shown";
import { useSpeech } from "../../texts";

/** Which moments one can go back to with what a plan keeps between its backups. */
export function PlanMoments({ plan }: { plan: Plan }) {
  const { texts, language } = useSpeech();
  const words = texts.plan;
  const { data } = useQuery(moments(plan.id));
  // As the field of a restore has them, by the clock here.
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const time = (at: string) => momentIn(at, zone, language, true);
  return (
    <Card title={words.moments}>
      {data === undefined && <Loading />}
      {data?.length === 0 && <p className="text-sm text-faint">{words.momentsNone}</p>}
      <ul className="flex flex-col gap-3 text-sm tabular-nums">
        {data?.map((log) => (
          <li key={`${log.source.id} ${log.destination.id}`}>
            <p className="text-xs text-faint">{words.momentsOf(isolated(log.source.name), isolated(log.destination.name))}</p>
            {log.moments.length === 0 && <p>{words.momentsNotYet}</p>}
            {log.moments.map(({ from, until }) => (
              <p key={from}>{words.anyMoment(time(from), time(until))}</p>
            ))}
            {log.trouble && (
              <p role="status" className="text-warn wrap-anywhere">
                {log.trouble}
              </p>
            )}
          </li>
        ))}
      </ul>
    </Card>
  );
}
