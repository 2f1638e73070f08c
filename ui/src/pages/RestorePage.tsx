// Brings data back. What is chosen stands in the address, so nothing is lost by a reload or by going back and forth.

import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";

import { latestRuns, plans } from "../api/queries";
import { repositories, snapshots, type Repository, type Snapshot } from "../api/snapshots";
import { useRepository } from "../api/useRepository";
import { Empty, Failure, Field, Loading, PageHead, buttonClass, inputClass } from "../components/basics";
import { RestoreSteps } from "../components/restore/RestoreSteps";
import { moment } from "../lib/format";
import { latestOf } from "../lib/restore";
import { restoreSearch, type RestoreSearch } from "../lib/snapshotSearch";
import { planOf } from "../lib/timeline";
import { useSpeech } from "../texts";
import { isolated } from "../lib/shown";

const route = getRouteApi("/restore");

export function RestorePage() {
  const { texts } = useSpeech();
  const search = restoreSearch(route.useSearch());
  return (
    <>
      <PageHead title={texts.restore.title} />
      {search.plan ? (
        <LatestOfPlan plan={search.plan} search={search} />
      ) : search.repository ? (
        <OfRepository search={search} id={search.repository} />
      ) : (
        <Nothing />
      )}
    </>
  );
}

function Nothing({ title, hint }: { title?: string; hint?: string }) {
  const { texts } = useSpeech();
  return (
    <Empty title={title ?? texts.restore.nothing} hint={hint ?? texts.restore.nothingHint}>
      <Link to="/snapshots" className={buttonClass("accent")}>
        {texts.pages.snapshots}
      </Link>
    </Empty>
  );
}

/** The latest snapshot of a plan; where it has several sources, of the one that is chosen. */
function LatestOfPlan({ plan, search }: { plan: string; search: RestoreSearch }) {
  const { texts } = useSpeech();
  const known = useQuery(plans());
  const runs = useQuery(latestRuns({ plan, kind: "backup", state: "completed" }, 50));
  if (runs.isLoadingError) {
    return <Failure error={runs.error} again={() => void runs.refetch()} />;
  }
  if (runs.isPending || known.isPending) {
    return <Loading />;
  }
  const name = known.data?.find(({ id }) => id === plan)?.name;
  const found = latestOf({ id: plan }, runs.data);
  const { repository, snapshot = "latest" } = search;
  // An older snapshot is one that the plan's last backups do not tell of.
  const older = repository && snapshot !== "latest" ? { repository, snapshot } : undefined;
  const chosen = found.find((one) => one.snapshot === snapshot) ?? older ?? found[0];
  if (!chosen) {
    return <Nothing title={texts.restore.noBackup(name ?? "")} hint={texts.restore.noBackupHint} />;
  }
  return (
    <div className="flex flex-col gap-4">
      {found.length > 1 && <Sources found={found} chosen={chosen.snapshot} />}
      <OfRepository key={chosen.snapshot} search={{ ...search, snapshot: chosen.snapshot }} id={chosen.repository} />
    </div>
  );
}

function Sources({ found, chosen }: { found: ReturnType<typeof latestOf>; chosen: string }) {
  const { texts, language } = useSpeech();
  const navigate = route.useNavigate();
  return (
    <div className="max-w-xl">
      <Field label={texts.restore.whichSource}>
        <select
          className={inputClass}
          value={chosen}
          onChange={({ target }) =>
            void navigate({ search: ({ plan }) => ({ ...(plan && { plan }), snapshot: target.value }), replace: true })
          }
        >
          {found.map(({ name, snapshot, time }) => (
            <option key={snapshot} value={snapshot}>
              {isolated(name)} – {moment(time, language)}
            </option>
          ))}
        </select>
      </Field>
    </div>
  );
}

/** The snapshot that an address names. */
function named(all: readonly Snapshot[], { snapshot = "latest", plan }: RestoreSearch): Snapshot | undefined {
  return all.find((one) =>
    snapshot === "latest" ? plan === undefined || planOf(one) === plan : one.id.startsWith(snapshot),
  );
}

function OfRepository({ id, search }: { id: string; search: RestoreSearch }) {
  const { texts } = useSpeech();
  const known = useQuery(repositories());
  const { repository, project, can, known: isKnown } = useRepository(id);
  const query = useQuery({ ...snapshots(id), enabled: can("restore") });
  if (known.isLoadingError) {
    return <Failure error={known.error} again={() => void known.refetch()} />;
  }
  if (known.isSuccess && !repository) {
    return <Nothing title={texts.snapshots.repositoryGone} />;
  }
  if (query.isLoadingError) {
    return <Failure error={query.error} again={() => void query.refetch()} />;
  }
  if (isKnown && !can("restore")) {
    return <Empty title={texts.restore.mayNot} hint={texts.restore.mayNotHint} />;
  }
  if (query.isPending || !repository || project === undefined) {
    return <Loading />;
  }
  const snapshot = named(query.data, search);
  if (!snapshot) {
    return <Nothing title={texts.snapshots.gone} hint={texts.snapshots.goneHint} />;
  }
  return <Steps repository={repository} project={project} snapshot={snapshot} search={search} anyNode={can("revealKeys")} />;
}

type StepsProps = {
  repository: Repository;
  project: string;
  snapshot: Snapshot;
  search: RestoreSearch;
  anyNode: boolean;
};

function Steps(props: StepsProps) {
  const navigate = route.useNavigate();
  const { snapshot } = props;
  return (
    <RestoreSteps
      {...props}
      change={(change) =>
        void navigate({
          // What was tried was tried with other answers.
          search: ({ dry: _, ...before }) =>
            restoreSearch({ ...before, repository: snapshot.repository, snapshot: snapshot.id, ...change }),
          replace: true,
          resetScroll: false,
        })
      }
    />
  );
}
