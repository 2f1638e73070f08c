import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { CircleAlert, ShieldCheck, ShieldQuestion } from "lucide-react";

import { run } from "../../api/queries";
import { moment } from "../../lib/format";
import type { Concern } from "../../lib/verdict";
import { useSpeech } from "../../texts";
import { When } from "../When";

/** In one line whether all is well, and what is not. */
export function Verdict({ plans, found }: { plans: number; found: readonly Concern[] }) {
  const { texts } = useSpeech();
  const [Sign, colour, text] =
    found.length > 0
      ? ([CircleAlert, "text-bad", texts.overview.needs(found.length)] as const)
      : plans === 0
        ? ([ShieldQuestion, "text-faint", texts.overview.nothing] as const)
        : ([ShieldCheck, "text-good", texts.overview.good] as const);
  return (
    <section className="rounded-lg border border-line bg-card p-5">
      <h1 className={`flex items-center gap-3 text-2xl font-semibold ${colour}`}>
        <Sign aria-hidden size={36} className="shrink-0" />
        {text}
      </h1>
      {plans === 0 && <p className="mt-2 text-faint">{texts.overview.nothingHint}</p>}
      {found.length > 0 && (
        <ul className="mt-4 flex flex-col gap-2 text-sm">
          {found.map((concern) => (
            <li key={keyOf(concern)} className="border-l-4 border-bad pl-3 wrap-anywhere">
              <Told concern={concern} />
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function keyOf(concern: Concern): string {
  switch (concern.what) {
    case "connection":
      return `${concern.what} ${concern.connection.id}`;
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
        <Link to="/plans" className={LINK}>
          {words.planNever(concern.plan.name)}
        </Link>
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
          <p className="font-semibold">{words.connectionFails(concern.connection.name)}</p>
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
    data && (
      <>
        {" "}
        (<When time={data.ended} />)<p className="text-faint">{data.error?.message}</p>
      </>
    )
  );
}
