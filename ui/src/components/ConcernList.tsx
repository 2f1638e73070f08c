import { Link } from "@tanstack/react-router";

import type { Concern } from "../lib/verdict";
import { useSpeech } from "../texts";
import { When } from "./When";

/** What tells a concern from others. */
function keyOf(concern: Concern): string {
  switch (concern.what) {
    case "connection":
      return `${concern.what} ${concern.connection.id}`;
    case "trouble":
    case "silent":
      return `${concern.what} ${concern.node.id}`;
    default:
      return `${concern.what} ${concern.plan.id}`;
  }
}

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

function Told({ concern }: { concern: Concern }) {
  const { texts } = useSpeech();
  const words = texts.overview;
  const link = "font-semibold text-accent hover:underline";
  switch (concern.what) {
    case "failed":
      return (
        <>
          <Link to="/runs/$id" params={{ id: concern.run.id }} className={link}>
            {words.planFailed(concern.plan.name)}
          </Link>{" "}
          (<When time={concern.run.ended} />)<p className="text-faint">{concern.run.error?.message}</p>
        </>
      );
    case "incomplete":
      return (
        <Link to="/runs/$id" params={{ id: concern.run.id }} className={link}>
          {words.planIncomplete(concern.plan.name, concern.errors)}
        </Link>
      );
    case "never":
      return (
        <Link to="/plans" className={link}>
          {words.planNever(concern.plan.name)}
        </Link>
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
          <Link to="/nodes" className={link}>
            {words.nodeTrouble(concern.node.name)}
          </Link>
          <p className="text-faint">{concern.text}</p>
        </>
      );
    case "silent":
      return (
        <>
          <Link to="/nodes" className={link}>
            {words.nodeSilent(concern.node.name)}
          </Link>{" "}
          (<When time={concern.node.last_seen} />)
        </>
      );
  }
}
