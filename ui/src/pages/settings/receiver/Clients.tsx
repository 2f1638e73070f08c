import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Plus } from "lucide-react";

import { clients, type Client } from "../../../api/receiver";
import { Empty, buttonClass } from "../../../components/basics";
import { Name } from "../../../components/Name";
import { One } from "../../../components/One";
import { Table } from "../../../components/Table";
import { When, useNow } from "../../../components/When";
import { dayInWords, size } from "../../../lib/format";
import { lastDay } from "../../../lib/receiver";
import { useSpeech, useTexts } from "../../../texts";

/** Who may bring backups here, and how much each has. */
export function Clients() {
  const words = useTexts().receiver;
  const add = (
    <Link to="/settings/receiver/add" className={buttonClass("accent")}>
      <Plus aria-hidden size={16} />
      {words.add}
    </Link>
  );
  return (
    <section aria-labelledby="clients" className="flex flex-col gap-3">
      <header className="flex flex-wrap items-center justify-between gap-3">
        <h2 id="clients" className="text-base font-semibold">
          {words.clients}
        </h2>
        {add}
      </header>
      <One query={useQuery(clients())}>
        {(all) => (all.length === 0 ? <Empty title={words.noClients} hint={words.noClientsHint} /> : <All clients={all} />)}
      </One>
    </section>
  );
}

function All({ clients: all }: { clients: readonly Client[] }) {
  const { texts } = useSpeech();
  const words = texts.receiver;
  return (
    <Table
      label={words.clients}
      heads={[texts.form.name, words.stored, words.may, words.expires, words.since]}
      rows={all.map((client) => ({
        key: client.name,
        cells: [
          <Link
            key="name"
            to="/settings/receiver/clients/$client"
            params={{ client: client.name }}
            className="font-semibold text-accent hover:underline"
          >
            <Name>{client.name}</Name>
          </Link>,
          <Stored key="stored" client={client} />,
          words.mays[client.append_only ? "append" : "all"],
          <Expiry key="expires" client={client} />,
          <When key="since" time={client.created} />,
        ],
      }))}
    />
  );
}

/** What a client has stored, and of how much. */
export function Stored({ client: { stored, quota } }: { client: Client }) {
  const { texts, language } = useSpeech();
  const bytes = size(stored, language);
  const isFull = quota != null && stored >= quota;
  return (
    <span className={`tabular-nums ${isFull ? "font-semibold text-bad" : ""}`}>
      {quota == null ? bytes : texts.receiver.ofQuota(bytes, size(quota, language))}
    </span>
  );
}

/** Until when a client is let in. */
export function Expiry({ client: { expires } }: { client: Client }) {
  const { texts, language } = useSpeech();
  const words = texts.receiver;
  const now = useNow();
  if (!expires) {
    return words.always;
  }
  return Date.parse(expires) <= now ? <span className="font-semibold text-bad">{words.expired}</span> : dayInWords(lastDay(expires), language);
}
