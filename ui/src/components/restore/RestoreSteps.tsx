import { useQuery } from "@tanstack/react-query";

import { nodes } from "../../api/queries";
import type { Repository, Snapshot } from "../../api/snapshots";
import { Problem } from "../../api/client";
import { useRestore } from "../../api/useRestore";
import { ORIGINAL, formOf, usualNode } from "../../lib/restore";
import type { RestoreSearch } from "../../lib/snapshotSearch";
import { useTyped } from "../../lib/useTyped";
import { useTexts } from "../../texts";
import { Failure, Loading } from "../basics";
import { Choice } from "../Choice";
import { Go } from "./Go";
import { Step } from "./Step";
import { What } from "./What";
import { Where } from "./Where";

export type Change = (change: { [K in keyof RestoreSearch]?: RestoreSearch[K] | undefined }) => void;

type Props = {
  repository: Repository;
  project: string;
  snapshot: Snapshot;
  search: RestoreSearch;
  /** Whether any node may be handed the repository. */
  anyNode: boolean;
  change: Change;
};

export function RestoreSteps({ repository, project, snapshot, search, anyNode, change }: Props) {
  const texts = useTexts();
  const query = useQuery(nodes(project));
  const restore = useRestore(change);
  const { target = ORIGINAL, overwrite = "always", delete: deletes = false } = search;
  const [typed, setTyped, settle] = useTyped(target, (text) => text.startsWith("/") && change({ target: text }));
  if (query.isLoadingError) {
    return <Failure error={query.error} again={() => void query.refetch()} />;
  }
  if (query.isPending) {
    return <Loading />;
  }
  const usable = query.data.filter(({ revoked, id }) => !revoked && (anyNode || !repository.node || repository.node === id));
  const node = usable.find(({ id }) => id === search.node) ?? usualNode(usable, repository, snapshot);
  if (!node) {
    return <Failure error={new Error(texts.restore.noNode)} />;
  }
  const wrong = typed.startsWith("/") && !typed.split("/").includes("..") ? undefined : texts.restore.badTarget;
  const problem = restore.error;
  const field = problem instanceof Problem ? problem.field : undefined;
  const form = (dryRun: boolean) => ({ ...formOf(search, snapshot, node, dryRun), target: typed });
  return (
    <div className="flex max-w-4xl flex-col gap-4">
      <Step number={1} title={texts.restore.what}>
        <What repository={repository} snapshot={snapshot} search={search} change={change} />
      </Step>
      <Step number={2} title={texts.restore.where}>
        <Where
          nodes={usable}
          node={node}
          snapshot={snapshot}
          target={typed}
          setTarget={setTyped}
          settle={settle}
          problem={wrong ?? (field === "target" ? problem?.message : undefined)}
          change={change}
        />
      </Step>
      <Step number={3} title={texts.restore.existing}>
        <Choice
          legend={texts.restore.overwrite}
          isSaid
          value={overwrite}
          choices={(["always", "if_changed", "if_newer", "never"] as const).map(
            (mode) => [mode, ...texts.restore.modes[mode]] as const,
          )}
          choose={(mode) => change({ overwrite: mode })}
        />
        <div className="mt-4">
          <label className="flex min-h-7 items-center gap-2 text-sm">
            <input
              type="checkbox"
              className="size-4 shrink-0 accent-accent"
              checked={deletes}
              aria-describedby="delete-hint"
              onChange={({ target: { checked } }) => change({ delete: checked || undefined })}
            />
            {texts.restore.delete}
          </label>
          <p id="delete-hint" className={`ms-6 text-xs ${deletes ? "text-warn" : "text-faint"}`}>
            {texts.restore.deleteHint}
          </p>
          {field === "delete" && (
            <p role="alert" className="ms-6 mt-1 text-sm text-bad">
              {problem?.message}
            </p>
          )}
        </div>
      </Step>
      <Step number={4} title={texts.restore.go}>
        <Go form={form} dry={search.dry} restore={restore} blocked={wrong !== undefined} />
      </Step>
    </div>
  );
}
