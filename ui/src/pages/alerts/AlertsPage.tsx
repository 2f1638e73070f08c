import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { notifiers } from "../../api/people";
import { useRights } from "../../api/roles";
import { connections, nodes, plans, recoveryKits, standing } from "../../api/queries";
import { buttonClass, Card, Empty, Failure, Loading, PageHead } from "../../components/basics";
import { ConcernList } from "../../components/ConcernList";
import { Notice } from "../../components/Notice";
import { useProject } from "../../components/project";
import { useNow } from "../../components/When";
import { KINDS } from "../../lib/notifier";
import { concerns } from "../../lib/verdict";
import { useTexts } from "../../texts";
import { OneNotifier } from "./OneNotifier";

export function AlertsPage() {
  const texts = useTexts();
  const may = useRights();
  const asked = useNeeds();
  // What stands above would push them down when it comes.
  const isKnown = asked.every((query) => !query.isPending);
  return (
    <>
      <PageHead title={texts.pages.alerts} />
      <div className="flex max-w-4xl flex-col gap-4">
        <Needs />
        {isKnown && may("editPlans") && <Notifiers />}
      </div>
    </>
  );
}

/** What says whether something needs somebody. */
function useNeeds() {
  const project = useProject();
  return [
    useQuery(standing(project)),
    useQuery(plans(project)),
    useQuery(connections(project)),
    useQuery(nodes(project)),
    useQuery(recoveryKits(project)),
  ] as const;
}

/** What needs somebody now. */
function Needs() {
  const words = useTexts().people.alerts;
  const now = useNow();
  const asked = useNeeds();
  const [overview, allPlans, allConnections, allNodes, kits] = asked;
  const failed = asked.find((query) => query.isError);
  if (failed?.error) {
    return <Failure error={failed.error} again={() => asked.forEach((query) => void query.refetch())} />;
  }
  if (!overview.data || !allPlans.data || !allConnections.data || !allNodes.data || !kits.data) {
    return <Loading />;
  }
  const found = concerns(overview.data, allPlans.data, allConnections.data, allNodes.data, kits.data, now);
  return (
    <Card title={words.now}>
      {found.length === 0 ? <Notice>{words.nothing}</Notice> : <ConcernList found={found} />}
    </Card>
  );
}

function Notifiers() {
  const texts = useTexts();
  const words = texts.people.alerts;
  const project = useProject();
  const may = useRights();
  const query = useQuery(notifiers(project));
  return (
    <section aria-labelledby="notifiers" className="flex flex-col gap-3">
      <header className="mt-2 flex flex-wrap items-center justify-between gap-3">
        <h2 id="notifiers" className="text-base font-semibold">
          {words.notifiers}
        </h2>
        <div className="flex flex-wrap gap-2">
          {KINDS.filter((kind) => kind !== "command" || may("manageServer")).map((kind) => (
            <Link key={kind} to="/alerts/new" search={{ type: kind }} className={buttonClass()}>
              {words.addKind[kind]}
            </Link>
          ))}
        </div>
      </header>
      {query.isPending && <Loading />}
      {query.isError && <Failure error={query.error} again={() => void query.refetch()} />}
      {query.data?.length === 0 && <Empty title={words.none} hint={words.noneHint} />}
      {query.data?.map((notifier) => (
        <OneNotifier key={notifier.id} notifier={notifier} />
      ))}
    </section>
  );
}
