import { useQuery } from "@tanstack/react-query";

import { plans } from "../../api/queries";
import type { Snapshot } from "../../api/snapshots";
import { moment, size } from "../../lib/format";
import { isHeld, ownTags, planOf } from "../../lib/timeline";
import { useSpeech } from "../../texts";
import { CopyButton } from "../CopyButton";
import { Facts, type Fact } from "../Facts";
import { When } from "../When";
import { Tags } from "./SnapshotList";
import { Name } from "../Name";

/** What is known of a snapshot. */
export function SnapshotFacts({ snapshot, more = [] }: { snapshot: Snapshot; more?: readonly Fact[] }) {
  const { texts, language } = useSpeech();
  const allPlans = useQuery(plans()).data;
  const plan = planOf(snapshot);
  const name = allPlans?.find(({ id }) => id === plan)?.name ?? texts.snapshots.planGone;
  const isTagged = isHeld(snapshot) || ownTags(snapshot).length > 0;
  const facts: Fact[] = [
    [
      texts.snapshots.time,
      <>
        {moment(snapshot.time, language)} (<When time={snapshot.time} />)
      </>,
    ],
    [texts.snapshots.host, <Name>{snapshot.host}</Name>],
    [texts.snapshots.paths, snapshot.paths.map((path) => <Name key={path} className="block whitespace-pre-wrap">{path}</Name>)],
    [texts.runs.plan, plan !== undefined && name],
    [texts.runs.size, snapshot.bytes != null && size(snapshot.bytes, language)],
    [texts.runs.files, snapshot.files?.toLocaleString(language)],
    [texts.runs.added, snapshot.bytes_added != null && size(snapshot.bytes_added, language)],
    [texts.snapshots.marks, isTagged && <Tags key="tags" snapshot={snapshot} />],
    [
      texts.snapshots.id,
      <span key="id" className="flex items-center gap-2">
        <code className="text-xs" title={snapshot.id}>
          {snapshot.id.slice(0, 8)}
        </code>
        <CopyButton isSmall text={() => snapshot.id} what={texts.snapshots.id} />
      </span>,
    ],
    ...more,
  ];
  return <Facts facts={facts} />;
}
