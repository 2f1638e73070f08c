import { useQuery } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";

import { answer, api } from "../../api/client";
import { connections, plans } from "../../api/queries";
import { destination, repositories, type Destination } from "../../api/records";
import { useMay } from "../../api/roles";
import { Card, Loading } from "../../components/basics";
import { Facts, type Fact } from "../../components/Facts";
import { HealthBadge } from "../../components/HealthBadge";
import { One } from "../../components/One";
import { RecordLinks } from "../../components/RecordLinks";
import { RecordPage } from "../../components/RecordPage";
import { exampleOf, holdsOf, holdsValues } from "../../lib/archives";
import { madeEmpty } from "../../lib/destination";
import { useTexts } from "../../texts";
import type { Texts } from "../../texts/en";
import { Adopt } from "./Adopt";
import { DestinationForm } from "./DestinationForm";
import { Repositories } from "./Repositories";

const route = getRouteApi("/destinations/$id");

export function DestinationPage() {
  const { id } = route.useParams();
  const query = useQuery(destination(id));
  // What they say would push down what is below.
  const parts = [useQuery(connections()), useQuery(plans()), useQuery(repositories(id))];
  if (parts.some(({ isPending }) => isPending)) {
    return <Loading />;
  }
  return <One query={query} list="destinations">{(found) => <Page key={id} destination={found} />}</One>;
}

function Page({ destination: found }: { destination: Destination }) {
  const words = useTexts().records.destination;
  const mayEdit = useMay("editDestinations", found.project);
  const params = { path: { id: found.id } };
  return (
    <RecordPage
      record={found}
      query={destination(found.id)}
      action="editDestinations"
      list="/destinations"
      remove={{ hint: words.removeHint, go: () => answer(api.DELETE("/api/v1/destinations/{id}", { params })) }}
      form={({ opened: { project, name, connection, path = "", layout = "per_node", holds, revision }, reload, saved }) => (
        <DestinationForm
          isNew={false}
          values={{ project, name, connection, path, layout, holds: holdsValues(holds), made: madeEmpty("local") }}
          save={async ({ name, connection, path, layout, holds }) => {
            const body = { name, connection, path, layout, holds: holdsOf(holds), revision };
            await answer(api.PUT("/api/v1/destinations/{id}", { params, body }));
          }}
          saved={saved}
          reload={reload}
        />
      )}
    >
      <About destination={found} />
      <Repositories destination={found} />
      {mayEdit && <Adopt destination={found} />}
    </RecordPage>
  );
}

/** What it holds, in words. */
function heldFacts({ holds, layout = "per_node" }: Destination, texts: Texts): Fact[] {
  const { destination, archives: words } = texts.records;
  if (holds?.type !== "archives") {
    return [
      [words.holds, words.held.repository],
      [destination.layout, destination.layouts[layout]],
    ];
  }
  const values = holdsValues(holds);
  const { format, mongodb, encryption, compression, full_every: every, between, name, folder, split_over: split } = values;
  return [
    [words.holds, words.held.archives(words.formats[format])],
    [words.mongodb, words.mongodbs[mongodb]],
    [words.encryption, words.encryptions[encryption]],
    [words.layout, words.layouts[layout]],
    [words.name, <code key="name">{name}</code>],
    [words.folder, folder === "" ? destination.top : <code key="folder">{folder}</code>],
    [words.asIn, <code key="example">{exampleOf(values)}</code>],
    [words.full, every === null || every === 1 ? words.always : words.every(every, words.betweens[between])],
    [words.compression, compression !== "" && words.compressions[compression]],
    [words.splitOver, split.amount !== null && `${split.amount} ${split.unit}`],
  ];
}

function About({ destination: found }: { destination: Destination }) {
  const texts = useTexts();
  const words = texts.records.destination;
  const connection = useQuery(connections()).data?.find(({ id }) => id === found.connection);
  const users = useQuery(plans()).data?.filter((plan) => plan.destinations.includes(found.id));
  return (
    <Card>
      <Facts
        facts={[
          [
            words.connection,
            connection === undefined ? (
              "…"
            ) : (
              <Link
                key="connection"
                to="/connections/$id"
                params={{ id: connection.id }}
                className="text-accent hover:underline"
              >
                {connection.name}
              </Link>
            ),
          ],
          [words.state, connection === undefined ? "…" : <HealthBadge key="state" status={connection.status} />],
          [words.path, found.path || words.top],
          ...heldFacts(found, texts),
          [texts.pages.plans, <RecordLinks key="users" records={users} to="/plans/$id" none={words.unused} />],
        ]}
      />
    </Card>
  );
}
