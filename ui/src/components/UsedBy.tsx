import { Link } from "@tanstack/react-router";

import { Name } from "./Name";

type Props = {
  /** What uses it; nothing while that is not known. */
  users: readonly { id: string; name: string }[] | undefined;
  to: "/plans/$id" | "/destinations/$id";
  /** What there is to say when nothing does. */
  none: string;
};

/** The records that use another, each with the way to it. */
export function UsedBy({ users, to, none }: Props) {
  if (users === undefined) {
    return "…";
  }
  if (users.length === 0) {
    return none;
  }
  return users.map(({ id, name }) => (
    <Link key={id} to={to} params={{ id }} className="block py-0.5 text-accent hover:underline">
      <Name>{name}</Name>
    </Link>
  ));
}
