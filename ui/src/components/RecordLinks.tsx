import { Link } from "@tanstack/react-router";

import { Name } from "./Name";

type Props = {
  /** The records; nothing while they are not known. */
  records: readonly { id: string; name: string }[] | undefined;
  to: "/plans/$id" | "/sources/$id" | "/destinations/$id" | "/connections/$id";
  /** What there is to say when there are none. */
  none?: string;
};

/** Records as the value of a fact, each with the way to it. The links are higher than their text, which keeps its line. */
export function RecordLinks({ records, to, none = "–" }: Props) {
  if (records === undefined) {
    return "…";
  }
  if (records.length === 0) {
    return none;
  }
  return (
    <div className="-my-0.5">
      {records.map(({ id, name }) => (
        <Link key={id} to={to} params={{ id }} className="block py-0.5 text-accent hover:underline">
          <Name>{name}</Name>
        </Link>
      ))}
    </div>
  );
}
