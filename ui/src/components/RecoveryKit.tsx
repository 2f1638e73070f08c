import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Download } from "lucide-react";

import { answer, api } from "../api/client";
import type { KitState } from "../api/queries";
import { download } from "../lib/download";
import { useTexts } from "../texts";
import { Button, Failure } from "./basics";
import { Notice } from "./Notice";
import { When } from "./When";

/** How a project's recovery kit stands, and the way to it. */
export function Kit({ kit }: { kit: KitState }) {
  const words = useTexts().guide.recovery;
  const queries = useQueryClient();
  const issue = useMutation({
    mutationFn: async () => {
      const body = { project: kit.project };
      const page = await answer(api.POST("/api/v1/recovery-kit", { body, parseAs: "text" }));
      download("backstay-recovery-kit.html", page, "text/html");
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ["standing"] }),
  });
  return (
    <>
      <Notice tone={kit.stale ? "warn" : "good"}>
        {kit.repositories === 0 ? (
          words.nothing
        ) : kit.issued ? (
          <>
            {kit.stale ? words.stale : words.good} {words.issued} <When time={kit.issued} />.
          </>
        ) : (
          words.never
        )}
      </Notice>
      <Button
        tone={kit.stale ? "accent" : "plain"}
        className="mt-4"
        disabled={kit.repositories === 0 || issue.isPending}
        onClick={() => issue.mutate()}
      >
        <Download aria-hidden size={16} />
        {words.download}
      </Button>
      {issue.error !== null && <Failure error={issue.error} />}
    </>
  );
}
