import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Download } from "lucide-react";

import { answer, api, type Schemas } from "../api/client";
import { me, recoveryKits } from "../api/queries";
import { Button, Card, Empty, Failure, Loading, PageHead } from "../components/basics";
import { Notice } from "../components/Notice";
import { useProject } from "../components/project";
import { When } from "../components/When";
import { download } from "../lib/download";
import { useTexts } from "../texts";

type Kit = Schemas["KitState"];

/** The recovery kits of one's projects: what opens the backups when this server is gone. */
export function RecoveryPage() {
  const texts = useTexts();
  const words = texts.guide.recovery;
  const query = useQuery(recoveryKits(useProject()));
  return (
    <>
      <PageHead title={words.title} />
      <p className="mb-4 max-w-3xl text-sm text-faint">{words.hint}</p>
      {query.isPending && <Loading />}
      {query.isError && <Failure error={query.error} again={() => void query.refetch()} />}
      {query.data?.length === 0 && <Empty title={words.nobody} />}
      <ul className="grid max-w-3xl gap-4">
        {query.data?.map((kit) => (
          <li key={kit.project}>
            <OneKit kit={kit} />
          </li>
        ))}
      </ul>
    </>
  );
}

function OneKit({ kit }: { kit: Kit }) {
  const words = useTexts().guide.recovery;
  const queries = useQueryClient();
  const project = useQuery(me()).data?.roles.find((role) => role.project === kit.project)?.name ?? "";
  const issue = useMutation({
    mutationFn: async () => {
      const body = { project: kit.project };
      const page = await answer(api.POST("/api/v1/recovery-kit", { body, parseAs: "text" }));
      download("backstay-recovery-kit.html", page, "text/html");
    },
    onSettled: () => queries.invalidateQueries({ queryKey: recoveryKits().queryKey }),
  });
  return (
    <Card title={project}>
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
    </Card>
  );
}
