import { useQuery } from "@tanstack/react-query";

import { plans } from "../../api/queries";
import type { Snapshot } from "../../api/snapshots";
import { moment, size } from "../../lib/format";
import { shown } from "../../lib/shown";
import { copierOf, planOf } from "../../lib/timeline";
import { useSpeech } from "../../texts";
import { CopyButton } from "../CopyButton";
import { Facts, type Fact } from "../Facts";
import { When } from "../When";
import { isMarked, Tags } from "./SnapshotList";
import { Breaking, Name } from "../Name";

/** A text that can be copied, as much as has to be seen of it. */
const copied = (label: string, text: string, most?: number): Fact => [
  label,
  <span key={label} className="flex items-center gap-2">
    <code className="min-w-0 text-xs wrap-anywhere" title={text}>
      <Breaking>{shown(text.slice(0, most))}</Breaking>
    </code>
    <CopyButton isSmall text={() => text} what={label} />
  </span>,
];

/** What is known of a snapshot. */
export function SnapshotFacts({ snapshot, more = [] }: { snapshot: Snapshot; more?: readonly Fact[] }) {
  const { texts, language } = useSpeech();
  const allPlans = useQuery(plans()).data;
  const [plan, copier] = [planOf(snapshot), copierOf(snapshot)];
  const nameOf = (plan: string) => allPlans?.find(({ id }) => id === plan)?.name ?? texts.snapshots.planGone;
  const facts: Fact[] = [
    [
      texts.snapshots.time,
      <>
        {moment(snapshot.time, language)} (<When time={snapshot.time} />)
      </>,
    ],
    [texts.snapshots.host, <Name>{snapshot.host}</Name>],
    [texts.snapshots.paths, snapshot.paths.map((path) => <Name key={path} className="block whitespace-pre-wrap">{path}</Name>)],
    [texts.runs.plan, plan !== undefined && nameOf(plan)],
    [texts.snapshots.copiedBy, copier !== undefined && nameOf(copier)],
    [texts.runs.size, snapshot.bytes != null && size(snapshot.bytes, language)],
    [texts.runs.files, snapshot.files?.toLocaleString(language)],
    [texts.runs.added, snapshot.bytes_added != null && size(snapshot.bytes_added, language)],
    [texts.snapshots.marks, isMarked(snapshot) && <Tags key="tags" snapshot={snapshot} />],
    snapshot.name ? copied(texts.records.archives.archive, snapshot.name) : copied(texts.snapshots.id, snapshot.id, 8),
    ...more,
  ];
  return <Facts facts={facts} />;
}
