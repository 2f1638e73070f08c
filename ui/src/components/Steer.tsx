import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Pause, Play, RotateCcw, X } from "lucide-react";

import { answer, api } from "../api/client";
import type { Run } from "../api/queries";
import { useMay } from "../api/roles";
import { useRunPlan } from "../api/runPlan";
import { useTexts } from "../texts";
import { Button, Failure } from "./basics";
import { Confirm } from "./Confirm";
import { RestoreAgain } from "./restore/RestoreFacts";

type Order = "pause" | "resume" | "cancel";

async function order(run: Run, what: Order): Promise<void> {
  const params = { params: { path: { id: run.id } } };
  switch (what) {
    case "pause":
      await answer(api.POST("/api/v1/runs/{id}/pause", params));
      return;
    case "resume":
      await answer(api.POST("/api/v1/runs/{id}/resume", params));
      return;
    case "cancel":
      await answer(api.POST("/api/v1/runs/{id}/cancel", params));
  }
}

/** What can be done with a run now, each with what it will do. */
export function Steer({ run }: { run: Run }) {
  const texts = useTexts();
  const queries = useQueryClient();
  const steer = useMutation({
    mutationFn: (what: Order) => order(run, what),
    onSettled: () => queries.invalidateQueries({ queryKey: ["runs"] }),
  });
  const { plan } = run;
  const again = useRunPlan(plan?.id, run.kind);
  const isOver = ["completed", "failed", "cancelled"].includes(run.state);
  const busy = steer.isPending || again.isPending || Boolean(run.intent);
  const error = steer.error ?? again.error;
  // Who may steer runs may also start plans.
  if (!useMay("steerRuns", run.project)) {
    return null;
  }
  return (
    <div className="flex flex-col gap-3">
      <div className="flex flex-wrap gap-2">
        {["pending", "running"].includes(run.state) && (
          <Button disabled={busy} title={texts.steer.pauseHint} onClick={() => steer.mutate("pause")}>
            <Pause aria-hidden size={16} />
            {texts.steer.pause}
          </Button>
        )}
        {run.state === "paused" && (
          <Button tone="accent" disabled={busy} title={texts.steer.resumeHint} onClick={() => steer.mutate("resume")}>
            <Play aria-hidden size={16} />
            {texts.steer.resume}
          </Button>
        )}
        {!isOver && <Cancel busy={busy && run.intent === "cancelling"} go={() => steer.mutate("cancel")} />}
        {isOver && plan && run.kind !== "restore" && (
          <Button disabled={busy} onClick={() => again.mutate()}>
            <RotateCcw aria-hidden size={16} />
            {texts.steer.again}
          </Button>
        )}
        {isOver && run.kind === "restore" && <RestoreAgain run={run} />}
      </div>
      {error !== null && <Failure error={error} />}
    </div>
  );
}

function Cancel({ busy, go }: { busy: boolean; go: () => void }) {
  const texts = useTexts();
  const trigger = (
    <>
      <X aria-hidden size={16} />
      {texts.steer.cancel}
    </>
  );
  const words = { title: texts.steer.sure, hint: texts.steer.cancelHint, yes: texts.steer.cancel, no: texts.steer.keep };
  return <Confirm words={{ trigger, ...words }} disabled={busy} go={go} />;
}
