import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { ShieldCheck, ShieldQuestion } from "lucide-react";

import { latestRuns } from "../../api/queries";
import type { Repository, Snapshot } from "../../api/snapshots";
import { verifiedAt } from "../../lib/proof";
import type { RestoreSearch } from "../../lib/snapshotSearch";
import { useTexts } from "../../texts";
import { Button, buttonClass } from "../basics";
import type { Fact } from "../Facts";
import { SnapshotFacts } from "../snapshots/SnapshotFacts";
import { When } from "../When";
import type { Change } from "./RestoreSteps";
import { Name } from "../Name";

type Props = { repository: Repository; snapshot: Snapshot; search: RestoreSearch; change: Change };

/** What is restored: a snapshot with what is known of it, all of it or some items. */
export function What({ repository, snapshot, search, change }: Props) {
  const texts = useTexts();
  const { paths = [] } = search;
  const more: Fact[] = [
    [texts.snapshots.repository, repository.name],
    [texts.restore.verified, <Verified key="verified" repository={repository} />],
  ];
  return (
    <>
      <SnapshotFacts snapshot={snapshot} more={more} />
      <div className="mt-4 border-t border-line pt-3">
        <p className="text-sm font-semibold">{paths.length === 0 ? texts.restore.all : texts.restore.some(paths.length)}</p>
        {paths.length > 0 && (
          <ul className="mt-1 max-h-48 overflow-auto text-sm" tabIndex={0} aria-label={texts.restore.some(paths.length)}>
            {paths.map((path) => (
              <li key={path} className="wrap-anywhere">
                <Name>{path}</Name>
              </li>
            ))}
          </ul>
        )}
        <div className="mt-2 flex flex-wrap gap-2">
          <Link
            to="/snapshots/$repository/$snapshot"
            params={{ repository: repository.id, snapshot: snapshot.id }}
            search={paths.length > 0 ? { chosen: [...paths] } : {}}
            className={buttonClass()}
          >
            {texts.restore.chooseItems}
          </Link>
          {paths.length > 0 && <Button onClick={() => change({ paths: undefined })}>{texts.restore.chooseAll}</Button>}
        </div>
      </div>
    </>
  );
}

/** When the repository was last seen to be whole. */
function Verified({ repository }: { repository: Repository }) {
  const texts = useTexts();
  const runs = useQuery(latestRuns({ kind: "verify", state: "completed", destination: repository.destination }, 50)).data;
  if (!runs) {
    return "…";
  }
  const time = verifiedAt(repository.id, runs);
  const Sign = time ? ShieldCheck : ShieldQuestion;
  return (
    <span className={`inline-flex items-center gap-1.5 ${time ? "text-good" : "text-warn"}`}>
      <Sign aria-hidden size={16} className="shrink-0" />
      {time ? <When time={time} /> : texts.restore.notVerified}
    </span>
  );
}
