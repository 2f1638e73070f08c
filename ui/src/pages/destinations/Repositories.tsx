import { useMutation, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { KeyRound } from "lucide-react";

import { answer, api } from "../../api/client";
import { latestRuns, standing } from "../../api/queries";
import { repositories, type Destination, type Repository } from "../../api/records";
import { useMay } from "../../api/roles";
import { Button, Card, Failure, Loading } from "../../components/basics";
import { Confirm } from "../../components/Confirm";
import { Copy } from "../../components/Copy";
import { Facts } from "../../components/Facts";
import { Remove } from "../../components/Remove";
import { StorageChart } from "../../components/StorageChart";
import { RunBadge } from "../../components/RunBadge";
import { When } from "../../components/When";
import { storageLine } from "../../lib/storageLine";
import { useTexts } from "../../texts";

/** So many days back. */
const LONG = 90;

/** Words of a destination that holds repositories or archives. */
function useWords({ holds }: Destination) {
  const { repository, archives } = useTexts().records;
  const { places: title, nonePlaces: none, key, revealSure, revealHint } = archives;
  return holds?.type === "archives" ? { ...repository, title, none, key, revealSure, revealHint } : repository;
}

/** The repositories at a destination, or the places of archives. */
export function Repositories({ destination }: { destination: Destination }) {
  const words = useWords(destination);
  const query = useQuery(repositories(destination.id));
  return (
    <Card title={words.title}>
      {query.isPending && <Loading />}
      {query.isError && <Failure error={query.error} again={() => void query.refetch()} />}
      {query.data?.length === 0 && <p className="text-sm text-faint">{words.none}</p>}
      <ul className="divide-y divide-line">
        {query.data?.map((repository) => (
          <li key={repository.id} className="flex flex-col gap-3 py-4 first:pt-0 last:pb-0">
            <Row repository={repository} destination={destination} />
          </li>
        ))}
      </ul>
    </Card>
  );
}

type Props = { repository: Repository; destination: Destination };

function Row({ repository, destination }: Props) {
  const texts = useTexts();
  const words = useWords(destination);
  const mayReveal = useMay("revealKeys", destination.project);
  return (
    <>
      <h3 className="font-semibold wrap-anywhere">{repository.name}</h3>
      <Facts
        facts={[
          [words.of, repository.node_name ?? words.shared],
          [words.path, repository.path || texts.records.destination.top],
          [words.since, <When key="since" time={repository.created} />],
          [words.origin, repository.adopted ? words.adopted : words.own],
          [words.lastBackup, <Last key="backup" kind="backup" repository={repository} />],
          [words.lastVerify, <Last key="verify" kind="verify" repository={repository} />],
        ]}
      />
      <OverTime repository={repository} project={destination.project} />
      {mayReveal && (
        <div className="flex flex-wrap items-start gap-2">
          <Reveal repository={repository} destination={destination} />
          <Remove
            name={repository.name}
            action={words.forget}
            hint={words.forgetHint}
            go={() => answer(api.DELETE("/api/v1/repositories/{id}", { params: { path: { id: repository.id } } }))}
            gone={() => undefined}
          />
        </div>
      )}
    </>
  );
}

/** What lay in it over the last days. */
function OverTime({ repository, project }: { repository: Repository; project: string }) {
  const words = useTexts().overview;
  const { data } = useQuery(standing(project, LONG));
  if (data === undefined) {
    // As high as the line that most have.
    return <div className="h-44" />;
  }
  const place = data.storage.find((place) => place.repository === repository.id);
  const line = place && storageLine(data.days, place);
  if (line) {
    return <StorageChart line={line} name={repository.name} />;
  }
  return <p className="text-xs text-faint">{words.tooFewDays}</p>;
}

/** The last run of a kind that concerned a repository. */
function Last({ kind, repository }: { kind: "backup" | "verify"; repository: Repository }) {
  const texts = useTexts();
  const { destination, node } = repository;
  const { data } = useQuery(latestRuns({ kind, destination, ...(node && { node }) }, 1));
  const run = data?.[0];
  if (run === undefined) {
    return data === undefined ? "…" : texts.time.never;
  }
  return (
    <Link to="/runs/$id" params={{ id: run.id }} className="inline-flex flex-wrap gap-x-2 hover:underline">
      <RunBadge run={run} />
      <When time={run.ended ?? run.created} />
    </Link>
  );
}

/** What opens a repository: read out when one is sure, and shown until the page is left. */
function Reveal({ repository, destination }: Props) {
  const words = useWords(destination);
  const reveal = useMutation({
    mutationFn: () =>
      answer(api.POST("/api/v1/repositories/{id}/reveal-key", { params: { path: { id: repository.id } } })),
    gcTime: 0,
  });
  if (reveal.data !== undefined) {
    return (
      <div className="flex w-full flex-col gap-2 rounded border border-line p-3">
        <Copy label={words.key} text={reveal.data.password} />
        <p className="text-sm text-faint">{words.keyHint}</p>
        <div>
          <Button onClick={() => reveal.reset()}>{words.hide}</Button>
        </div>
      </div>
    );
  }
  const trigger = (
    <>
      <KeyRound aria-hidden size={16} />
      {words.reveal}
    </>
  );
  return (
    <div>
      <Confirm
        words={{ trigger, title: words.revealSure, hint: words.revealHint, yes: words.reveal, tone: "plain" }}
        disabled={reveal.isPending}
        go={() => reveal.mutate()}
      />
      {reveal.error !== null && <Failure error={reveal.error} />}
    </div>
  );
}
