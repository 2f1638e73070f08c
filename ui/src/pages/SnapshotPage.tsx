import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { GitCompare, RotateCcw } from "lucide-react";

import { snapshots } from "../api/snapshots";
import { useRepository } from "../api/useRepository";
import { Card, Empty, Loading, PageHead, buttonClass } from "../components/basics";
import { Name } from "../components/Name";
import { Notice } from "../components/Notice";
import { Unshown } from "../components/One";
import { Browser } from "../components/snapshots/Browser";
import { FilePanel } from "../components/snapshots/FilePanel";
import { Manage } from "../components/snapshots/Manage";
import { SnapshotFacts } from "../components/snapshots/SnapshotFacts";
import { Tray } from "../components/snapshots/Tray";
import { moment } from "../lib/format";
import { nameOf } from "../lib/paths";
import { browseSearch } from "../lib/snapshotSearch";
import { keyOf } from "../lib/timeline";
import { useSpeech } from "../texts";

const route = getRouteApi("/snapshots/$repository/$snapshot");

export function SnapshotPage() {
  const { texts, language } = useSpeech();
  const params = route.useParams();
  const search = browseSearch(route.useSearch());
  const { repository, can } = useRepository(params.repository);
  const query = useQuery(snapshots(params.repository));
  if (query.isPending) {
    return <Loading />;
  }
  if (query.isError) {
    return <Unshown error={query.error} again={() => void query.refetch()} list="snapshots" />;
  }
  const found =
    params.snapshot === "latest" ? query.data[0] : query.data.find(({ id }) => id.startsWith(params.snapshot));
  const back = (
    <Link to="/snapshots" search={{ repository: params.repository }} className="text-sm text-accent hover:underline">
      {repository ? texts.snapshots.allOf(repository.name) : texts.pages.snapshots}
    </Link>
  );
  if (!found) {
    return (
      <Empty title={texts.snapshots.gone} hint={texts.snapshots.goneHint}>
        {back}
      </Empty>
    );
  }
  const { chosen = [] } = search;
  const like = query.data.filter((one) => keyOf(one) === keyOf(found));
  const before = like[like.indexOf(found) + 1];
  return (
    <>
      <p className="mb-1">{back}</p>
      <PageHead title={found.name ? <Name>{nameOf(found.name)}</Name> : texts.snapshots.of(found.host, moment(found.time, language))}>
        <span className="flex flex-wrap gap-2">
          {!found.damaged && before && (
            <Link
              to="/snapshots/$repository/diff"
              params={{ repository: params.repository }}
              search={{ from: before.id, to: found.id }}
              className={buttonClass()}
            >
              <GitCompare aria-hidden size={16} />
              {texts.snapshots.compareBefore}
            </Link>
          )}
          {!found.damaged && can("restore") && (
            <Link
              to="/restore"
              search={{ repository: params.repository, snapshot: found.id }}
              className={buttonClass(chosen.length === 0 ? "accent" : "plain")}
            >
              <RotateCcw aria-hidden size={16} />
              {texts.snapshots.restoreAll}
            </Link>
          )}
        </span>
      </PageHead>
      <div className="flex flex-col gap-4">
        <Card>
          <SnapshotFacts snapshot={found} />
        </Card>
        {found.damaged ? <Damage what={found.damaged} /> : <Browser search={search} canRestore={can("restore")} />}
        <Manage snapshot={found} can={can} />
        {search.file !== undefined && <FilePanel file={search.file} snapshot={found.id} canRestore={can("restore")} />}
        {chosen.length > 0 && <Tray chosen={chosen} snapshot={found.id} />}
      </div>
    </>
  );
}

/** What is said in the place of the content of an archive that cannot be whole. */
function Damage({ what }: { what: string }) {
  return (
    <Card>
      <Notice tone="warn">
        <p className="font-semibold">{what}</p>
        <p>{useSpeech().texts.snapshots.damagedHint}</p>
      </Notice>
    </Card>
  );
}
