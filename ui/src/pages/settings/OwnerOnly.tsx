import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";

import { me } from "../../api/queries";
import { Empty, Failure, Loading } from "../../components/basics";
import { useTexts } from "../../texts";

/** What only the owners of the server see. */
export function OwnerOnly({ children }: { children: ReactNode }) {
  const words = useTexts().people.settings;
  const query = useQuery(me());
  if (query.data === undefined) {
    return query.isError ? <Failure error={query.error} again={() => void query.refetch()} /> : <Loading />;
  }
  return query.data.owns_server ? children : <Empty title={words.notYours} hint={words.notYoursHint} />;
}
