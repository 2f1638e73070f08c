import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { Fragment } from "react";

import { answer, api, type Schemas } from "../../api/client";
import { nodes, type Connection } from "../../api/queries";
import { connection } from "../../api/records";
import { useUsers } from "../../api/useUsers";
import { Card } from "../../components/basics";
import { Facts, type Fact } from "../../components/Facts";
import { One } from "../../components/One";
import { RecordLinks } from "../../components/RecordLinks";
import { RecordPage } from "../../components/RecordPage";
import { When } from "../../components/When";
import { placeOf, settingsOf, settingsValues } from "../../lib/connection";
import { useTexts } from "../../texts";
import type { Texts } from "../../texts/en";
import { ConnectionForm } from "./ConnectionForm";
import { SignInAgain } from "./GoogleSignIn";
import { TryNow } from "./TryNow";

const route = getRouteApi("/connections/$id");

export function ConnectionPage() {
  const { id } = route.useParams();
  return <One query={useQuery(connection(id))} list="connections">{(found) => <Page key={id} connection={found} />}</One>;
}

function Page({ connection: found }: { connection: Connection }) {
  const words = useTexts().records.connection;
  const params = { path: { id: found.id } };
  return (
    <RecordPage
      record={found}
      query={connection(found.id)}
      action="editConnections"
      list="/connections"
      remove={{ hint: words.removeHint, go: () => answer(api.DELETE("/api/v1/connections/{id}", { params })) }}
      form={({ opened: { project, name, node, settings, revision }, reload, saved }) => (
        <ConnectionForm
          isNew={false}
          values={{ project, name, node, settings: settingsValues(settings) }}
          save={async ({ name, node, settings }) => {
            const body = { name, node, settings: settingsOf(settings), revision };
            await answer(api.PUT("/api/v1/connections/{id}", { params, body }));
          }}
          saved={saved}
          reload={reload}
        />
      )}
    >
      <About connection={found} />
    </RecordPage>
  );
}

/** By what a receiver is known for who it is. */
function KnownBy({ fingerprint, authority }: Schemas["ReceiverSettings"]) {
  const words = useTexts().records.receiver;
  if (!fingerprint) {
    return words.knownBy[authority ? "authority" : "system"];
  }
  return (
    <code className="text-xs">
      {fingerprint.split(/(?<=:)/).map((pair, place) => (
        <Fragment key={place}>
          {pair}
          <wbr />
        </Fragment>
      ))}
    </code>
  );
}

/** How a bucket keeps what is written to it, where that is not the service's choice. */
function keptAs({ storage_class, lock, encryption, thaw }: Schemas["S3Settings"], words: Texts["keeping"]): Fact[] {
  return [
    [words.class, storage_class],
    [words.thawed, thaw && words.tiers(storage_class ?? "")[thaw.tier ?? "standard"]],
    [words.lock, lock && words.locked(lock.mode, lock.days)],
    [words.encryption, encryption && [words.encryptions[encryption.mode], encryption.key].filter(Boolean).join(": ")],
  ];
}

function About({ connection: found }: { connection: Connection }) {
  const texts = useTexts();
  const words = texts.records.connection;
  const { data: hosts } = useQuery(nodes());
  const users = useUsers(found);
  return (
    <Card>
      <Facts
        facts={[
          [words.type, words.types[found.settings.type]],
          [words.place, placeOf(found.settings)],
          ...(found.settings.type === "receiver" ? [[texts.records.receiver.known, <KnownBy key="known" {...found.settings} />] as const] : []),
          ...(found.settings.type === "s3" ? keptAs(found.settings, texts.keeping) : []),
          [texts.form.node, hosts?.find(({ id }) => id === found.node)?.name ?? "…"],
          [texts.records.changed, <When key="changed" time={found.changed} />],
          ...users.map(({ kind, records }) => [
            texts.pages[kind],
            kind === "sources" ? (
              <RecordLinks key="users" records={records} to="/sources/$id" none={texts.mysql.unusedConnection} />
            ) : (
              <RecordLinks key="users" records={records} to="/destinations/$id" none={words.unused} />
            ),
          ] as const),
        ]}
      />
      <div className="mt-4 flex flex-col gap-4 border-t border-line pt-4">
        <TryNow connection={found} />
        {found.settings.type === "google_drive" && <SignInAgain connection={found} />}
      </div>
    </Card>
  );
}
