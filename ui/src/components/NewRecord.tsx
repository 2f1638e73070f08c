import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";

import { me, nodes } from "../api/queries";
import { projectsWhere, type Action } from "../lib/may";
import { useTexts } from "../texts";
import { Empty, Failure, Loading } from "./basics";

/** The form of a new record, once it is known where the person may make one. It is given the project to begin with. */
export function NewRecord({ action, children }: { action: Action; children: (project: string) => ReactNode }) {
  const texts = useTexts();
  const [person, hosts] = [useQuery(me()), useQuery(nodes())];
  if (!person.data || !hosts.data) {
    const failed = person.error ?? hosts.error;
    // What is known goes on being shown when it cannot be asked for again: somebody may have entered something.
    return failed === null ? <Loading /> : <Failure error={failed} again={() => [person, hosts].forEach((query) => void query.refetch())} />;
  }
  const [first] = projectsWhere(person.data, action);
  return first === undefined ? (
    <Empty title={texts.records.forbidden} hint={texts.records.forbiddenHint} />
  ) : (
    children(first.project)
  );
}
