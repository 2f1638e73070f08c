import { Link } from "@tanstack/react-router";
import { Lock, TriangleAlert } from "lucide-react";
import { memo, useState } from "react";

import type { Snapshot } from "../../api/snapshots";
import { moment, size } from "../../lib/format";
import { isArchived, isHeld, ownTags, planOf } from "../../lib/timeline";
import { useSpeech } from "../../texts";
import { When } from "../When";
import { VirtualRows } from "../VirtualRows";
import { SourceName } from "./SourceName";
import { Name } from "../Name";

const GRID = "grid grid-cols-[1fr_auto] gap-x-3 gap-y-1 px-4 py-2 lg:grid-cols-[12.5rem_1fr_6rem_6rem_11rem]";

/** Snapshots, the newest first, however many there are. */
export function SnapshotList({ snapshots, plans }: { snapshots: readonly Snapshot[]; plans: ReadonlyMap<string, string> }) {
  const { texts } = useSpeech();
  const [box, setBox] = useState<HTMLDivElement | null>(null);
  const heads = [texts.snapshots.time, texts.snapshots.source, texts.runs.size, texts.runs.added, texts.snapshots.marks];
  return (
    <div
      ref={setBox}
      role="table"
      aria-label={texts.pages.snapshots}
      aria-rowcount={snapshots.length + 1}
      className="max-h-[75vh] overflow-auto rounded-lg border border-line bg-card text-sm"
    >
      <div role="rowgroup" className="sticky top-0 z-10 border-b border-line bg-card max-lg:sr-only">
        <div role="row" aria-rowindex={1} className={`${GRID} text-xs font-semibold text-faint`}>
          {heads.map((head) => (
            <span key={head} role="columnheader">
              {head}
            </span>
          ))}
        </div>
      </div>
      <div role="rowgroup">
        <VirtualRows
          box={box}
          count={snapshots.length}
          height={snapshots[0] && isArchived(snapshots[0]) ? 69 : 53}
          row={(index) => {
            const snapshot = snapshots[index];
            return snapshot && <Row snapshot={snapshot} index={index} plan={plans.get(planOf(snapshot) ?? "")} />;
          }}
        />
      </div>
    </div>
  );
}

type RowProps = { snapshot: Snapshot; index: number; plan: string | undefined };

const Row = memo(function Row({ snapshot, index, plan }: RowProps) {
  const { texts, language } = useSpeech();
  const { repository, id, time, host, paths, bytes, bytes_added, files, name } = snapshot;
  const isOfPlan = planOf(snapshot) !== undefined;
  return (
    <div role="row" aria-rowindex={index + 2} className={`${GRID} items-start border-b border-line hover:bg-raised`}>
      <span role="cell" className="max-lg:col-start-1 max-lg:row-start-1">
        <Link
          to="/snapshots/$repository/$snapshot"
          params={{ repository, snapshot: id }}
          className="font-semibold text-accent hover:underline"
        >
          {moment(time, language)}
        </Link>
        <span className="block text-xs text-faint">
          <When time={time} />
        </span>
      </span>
      <span role="cell" className="min-w-0 max-lg:col-span-2 max-lg:row-start-2">
        <SourceName host={host} paths={paths} />
        {name && (
          <Name className="block text-xs wrap-anywhere">{name}</Name>
        )}
        {isOfPlan && <span className="block text-xs text-faint wrap-anywhere">{plan ?? texts.snapshots.planGone}</span>}
      </span>
      <span role="cell" className="tabular-nums max-lg:col-start-2 max-lg:row-start-1 max-lg:text-right">
        {bytes == null ? "–" : size(bytes, language)}
        {files != null && (
          <span className="block text-xs text-faint">{texts.snapshots.files(files, files.toLocaleString(language))}</span>
        )}
      </span>
      <span role="cell" className="tabular-nums max-lg:sr-only">
        {bytes_added == null ? "–" : size(bytes_added, language)}
      </span>
      <span role="cell" className="max-lg:col-span-2 max-lg:empty:hidden">
        <Tags snapshot={snapshot} />
      </span>
    </div>
  );
});

/** Whether there is something to say of a snapshot beside what it has. */
export const isMarked = (snapshot: Snapshot) =>
  Boolean(snapshot.damaged) || isHeld(snapshot) || ownTags(snapshot).length > 0;

/** The tags that people gave a snapshot, whether it is held, and whether it is damaged. */
export function Tags({ snapshot }: { snapshot: Snapshot }) {
  const { texts } = useSpeech();
  if (!isMarked(snapshot)) {
    return null;
  }
  return (
    <span className="flex flex-wrap gap-1 text-xs">
      {snapshot.damaged && (
        <span className="inline-flex items-center gap-1 rounded bg-raised px-1.5 py-0.5 font-semibold text-bad" title={snapshot.damaged}>
          <TriangleAlert aria-hidden size={12} />
          {texts.snapshots.damaged}
        </span>
      )}
      {isHeld(snapshot) && (
        <span className="inline-flex items-center gap-1 rounded bg-raised px-1.5 py-0.5 font-semibold text-warn" title={texts.snapshots.heldHint}>
          <Lock aria-hidden size={12} />
          {texts.snapshots.held}
        </span>
      )}
      {ownTags(snapshot).map((tag) => (
        <Name key={tag} className="rounded bg-raised px-1.5 py-0.5 whitespace-pre-wrap wrap-anywhere">
          {tag}
        </Name>
      ))}
    </span>
  );
}
