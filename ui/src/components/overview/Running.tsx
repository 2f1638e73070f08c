import { Link } from "@tanstack/react-router";

import type { Run } from "../../api/queries";
import { useTexts } from "../../texts";
import { Card } from "../basics";
import { Progress } from "../Progress";
import { RunBadge } from "../RunBadge";
import { titleOf } from "../RunTable";

/** Runs under way, with how far they are. */
export function Running({ runs }: { runs: readonly Run[] }) {
  const texts = useTexts();
  return (
    <Card title={texts.overview.running}>
      <ul className="grid gap-4 lg:grid-cols-2">
        {runs.map((run) => (
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
