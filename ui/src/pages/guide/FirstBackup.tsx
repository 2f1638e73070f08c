import { useMutation, useQuery } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";

import { answer, api } from "../../api/client";
import { fileToTry } from "../../api/guide";
import { recoveryKits, run, type Run } from "../../api/queries";
import { Button, Failure, Loading, PageHead, buttonClass } from "../../components/basics";
import { Notice } from "../../components/Notice";
import { Missing } from "../../components/Missing";
import { Breaking } from "../../components/Name";
import { Unshown } from "../../components/One";
import { Progress } from "../../components/Progress";
import { Kit } from "../../components/RecoveryKit";
import { Steer } from "../../components/Steer";
import { useTexts } from "../../texts";

const route = getRouteApi("/first-backup/$plan");
/** Where files of tests go. */
const TARGET = "/tmp/backstay-test-restore";

/** A first backup under way, and what shows that it is of use: a file that came back, and a kit for the worst. */
export function FirstBackup() {
  const words = useTexts().guide.first;
  const search = route.useSearch();
  const backup = useQuery({ ...run(search.run ?? ""), enabled: search.run !== undefined });
  const [skips, setSkips] = useState(false);
  const kit = useQuery(recoveryKits()).data?.find(({ project }) => project === backup.data?.project);
  if (search.run === undefined) {
    return <Missing />;
  }
  if (backup.isLoadingError) {
    return <Unshown error={backup.error} again={() => void backup.refetch()} list="runs" />;
  }
  if (!backup.data) {
    return <Loading />;
  }
  const isDone = backup.data.state === "completed";
  return (
    <>
      <PageHead title={words.underWay} />
      <ol className="flex max-w-3xl flex-col gap-4">
        <Step title={words.backup}>
          <Backup backup={backup.data} />
        </Step>
        <Step title={words.proof}>
          {isDone ? <Proof backup={backup.data} /> : <p className="text-sm text-faint">{words.proofLater}</p>}
        </Step>
        {kit !== undefined && (
          <Step title={words.kit}>
            {isDone ? <Kit kit={kit} /> : <p className="text-sm text-faint">{words.kitLater}</p>}
            {isDone && kit.stale && (
              <label className="mt-4 flex min-h-6 items-center gap-2 text-sm">
                <input
                  type="checkbox"
                  className="size-4 shrink-0 accent-accent"
                  checked={skips}
                  onChange={() => setSkips(!skips)}
                />
                {words.skip}
              </label>
            )}
          </Step>
        )}
      </ol>
      {isDone && (kit === undefined || !kit.stale || skips) && (
        <Link to="/" className={`${buttonClass("accent")} mt-4`}>
          {words.finish}
        </Link>
      )}
    </>
  );
}

function Step({ title, children }: { title: string; children: ReactNode }) {
  return (
    <li className="rounded-lg border border-line bg-card p-4">
      <h2 className="mb-3 text-base font-semibold">{title}</h2>
      {children}
    </li>
  );
}

function Backup({ backup }: { backup: Run }) {
  const texts = useTexts();
  const words = texts.guide.first;
  if (backup.state === "completed") {
    return <Notice>{words.backedUp}</Notice>;
  }
  return (
    <div className="flex flex-col gap-3">
      {backup.state === "failed" ? (
        <>
          <Notice tone="warn">{backup.error?.message ?? texts.states.failed}</Notice>
          {backup.error?.hint && <p className="text-sm text-faint">{backup.error.hint}</p>}
        </>
      ) : (
        <Progress run={backup} />
      )}
      {backup.waiting && <p className="text-sm text-faint wrap-anywhere">{backup.waiting.reason}</p>}
      <Steer run={backup} />
    </div>
  );
}

/** Brings one file back to another place, as proof. */
function Proof({ backup }: { backup: Run }) {
  const words = useTexts().guide.first;
  const { proof } = route.useSearch();
  const navigate = route.useNavigate();
  const restored = useQuery({ ...run(proof ?? ""), enabled: proof !== undefined }).data;
  const attempt = useMutation({
    mutationFn: async () => {
      const made = backup.destinations?.[0];
      const place = { repository: made?.repository ?? "", snapshot: made?.snapshot ?? "" };
      const file = await fileToTry(place);
      if (file === undefined) {
        throw new Error(words.nothingToTry);
      }
      const body = { ...place, node: backup.node, paths: [file], target: `${TARGET}/${backup.id}` };
      const { run: id } = await answer(api.POST("/api/v1/restores", { body }));
      await navigate({ search: (before) => ({ ...before, proof: id }), replace: true });
    },
  });
  const isUnderWay = restored !== undefined && ["pending", "running", "paused"].includes(restored.state);
  const { restore } = restored ?? {};
  return (
    <div className="flex flex-col items-start gap-3">
      {restored?.state !== "completed" && <p className="text-sm">{words.proofHint}</p>}
      {restored?.state === "completed" && restore && (
        <Notice>
          {words.proven}{" "}
          <code className="wrap-anywhere">
            <Breaking>{`${restore.target}${restore.paths?.[0] ?? ""}`}</Breaking>
          </code>
        </Notice>
      )}
      {restored?.state === "failed" && (
        <Notice tone="warn">
          {restored.error?.message}
          {restored.error?.hint && <p className="text-faint">{restored.error.hint}</p>}
        </Notice>
      )}
      {restored?.state !== "completed" && (
        <Button tone="accent" disabled={attempt.isPending || isUnderWay} onClick={() => attempt.mutate()}>
          {isUnderWay || attempt.isPending ? words.trying : words.tryRestore}
        </Button>
      )}
      {attempt.error !== null && <Failure error={attempt.error} />}
    </div>
  );
}
