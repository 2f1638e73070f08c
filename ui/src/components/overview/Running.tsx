import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { latestRuns } from "../../api/queries";
import { useTexts } from "../../texts";
import { Card } from "../basics";
import { Progress } from "../Progress";
import { useProject } from "../project";
import { RunBadge } from "../RunBadge";
import { titleOf } from "../RunTable";

/** Runs under way, with how far they are. */
export function Running() {
  const texts = useTexts();
  const project = useProject();
  const { data } = useQuery(latestRuns({ state: "running,paused,pending", ...(project && { project }) }, 10));
  return (
    <Card title={texts.overview.running}>
      {(data === undefined || data.length === 0) && <p className="text-sm text-faint">{data ? texts.overview.nothingRuns : "…"}</p>}
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
