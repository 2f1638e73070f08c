import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { run } from "../api/queries";
import { moment } from "../lib/format";
import type { Concern } from "../lib/verdict";
import { useSpeech } from "../texts";
import { When } from "./When";

/** What needs somebody, each with the way to it. */
export function ConcernList({ found }: { found: readonly Concern[] }) {
  return (
    <ul className="flex flex-col gap-2 text-sm">
      {found.map((concern) => (
        <li key={keyOf(concern)} className="border-l-4 border-bad pl-3 wrap-anywhere">
          <Told concern={concern} />
        </li>
      ))}
    </ul>
  );
}

function keyOf(concern: Concern): string {
  switch (concern.what) {
    case "damaged":
      return `${concern.what} ${concern.plan.id} ${concern.fault.repository}`;
    case "connection":
      return `${concern.what} ${concern.connection.id}`;
    case "kit":
      return concern.what;
    case "full":
      return `${concern.what} ${concern.storage.repository}`;
    case "trouble":
    case "silent":
      return `${concern.what} ${concern.node.id}`;
    default:
      return `${concern.what} ${concern.plan.id}`;
  }
}

const LINK = "font-semibold text-accent hover:underline";

function Told({ concern }: { concern: Concern }) {
  const { texts, language } = useSpeech();
  const words = texts.overview;
  switch (concern.what) {
    case "damaged": {
      const { run, kind, destination, at, reason } = concern.fault;
      return (
        <>
          <Link to="/runs/$id" params={{ id: run }} className={LINK}>
            {words.planDamaged[kind === "restore" ? "restore" : "verify"](concern.plan.name, destination.name)}
          </Link>{" "}
          (<When time={at} />)
          <p className="text-faint">{reason}</p>
          <p className="text-faint">{words.damagedHint}</p>
        </>
      );
    }
    case "failed":
      return (
        <>
          <Link to="/runs/$id" params={{ id: concern.run }} className={LINK}>
            {words.planFailed(concern.plan.name)}
          </Link>
          <Reason run={concern.run} />
        </>
      );
    case "incomplete":
      return (
        <Link to="/runs/$id" params={{ id: concern.run }} className={LINK}>
          {words.planIncomplete(concern.plan.name, concern.errors)}
        </Link>
      );
    case "overdue":
      return (
        <>
          <Link to="/runs" search={{ plan: concern.plan.id }} className={LINK}>
            {words.planOverdue(concern.plan.name)}
          </Link>{" "}
          (<When time={concern.since} />)
        </>
      );
    case "never":
      return (
        <Link to="/plans/$id" params={{ id: concern.plan.id }} className={LINK}>
          {words.planNever(concern.plan.name)}
        </Link>
      );
    case "kit":
      return (
        <>
          <Link to="/recovery" className={LINK}>
            {concern.isStale ? texts.guide.recovery.outdated : texts.guide.recovery.missing}
          </Link>
          <p className="text-faint">{concern.isStale ? texts.guide.recovery.outdatedHint : texts.guide.recovery.missingHint}</p>
        </>
      );
    case "full":
      return (
        <>
          <p className="font-semibold">{words.full(concern.storage.destination.name)}</p>
          <p className="text-faint">{words.fullAt(moment(concern.time, language))}</p>
        </>
      );
    case "connection":
      return (
        <>
          <Link to="/connections/$id" params={{ id: concern.connection.id }} className={LINK}>
            {words.connectionFails(concern.connection.name)}
          </Link>
          <p className="text-faint">{concern.connection.status.reason}</p>
        </>
      );
    case "trouble":
      return (
        <>
          <Link to="/nodes" className={LINK}>
            {words.nodeTrouble(concern.node.name)}
          </Link>
          <p className="text-faint">{concern.text}</p>
        </>
      );
    case "silent":
      return (
        <>
          <Link to="/nodes" className={LINK}>
            {words.nodeSilent(concern.node.name)}
          </Link>{" "}
          (<When time={concern.node.last_seen} />)
        </>
      );
  }
}

/** Why a run failed, and when. */
function Reason({ run: id }: { run: string }) {
  const { data } = useQuery(run(id));
  return (
    <>
      {data && (
        <>
          {" "}
          (<When time={data.ended} />)
        </>
      )}
      <p className="min-h-10 text-faint sm:min-h-5">{data?.error?.message}</p>
    </>
  );
}
