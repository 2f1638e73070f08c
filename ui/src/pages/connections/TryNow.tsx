import { useMutation, useQueryClient } from "@tanstack/react-query";
import { PlugZap } from "lucide-react";

import { answer, api } from "../../api/client";
import type { Connection } from "../../api/queries";
import { useMay } from "../../api/roles";
import { Button, Failure } from "../../components/basics";
import { HealthBadge } from "../../components/HealthBadge";
import { useTexts } from "../../texts";

/** How a connection is doing, and the button that finds out. */
export function TryNow({ connection }: { connection: Connection }) {
  const texts = useTexts().records.connection;
  const queries = useQueryClient();
  const mayTry = useMay("runPlans", connection.project);
  const attempt = useMutation({
    mutationFn: () => answer(api.POST("/api/v1/connections/{id}/check", { params: { path: { id: connection.id } } })),
    onSettled: () => queries.invalidateQueries({ queryKey: ["records"] }),
  });
  const { status } = connection;
  return (
    <div className="flex min-w-0 flex-col gap-2">
      <div className="flex flex-wrap items-center justify-between gap-3" aria-live="polite">
        <HealthBadge status={status} />
        {mayTry && (
          <Button
            disabled={attempt.isPending}
            aria-label={`${texts.tryNow}: ${connection.name}`}
            onClick={() => attempt.mutate()}
          >
            <PlugZap aria-hidden size={16} className={attempt.isPending ? "motion-safe:animate-pulse" : ""} />
            {attempt.isPending ? texts.trying : texts.tryNow}
          </Button>
        )}
      </div>
      {status.health === "failing" && status.reason && (
        <p className="border-l-4 border-bad pl-3 text-sm wrap-anywhere">{status.reason}</p>
      )}
      {attempt.error !== null && <Failure error={attempt.error} />}
    </div>
  );
}
