import { useQuery } from "@tanstack/react-query";

import type { Schemas } from "../../api/client";
import { receiver } from "../../api/receiver";
import { Card } from "../../components/basics";
import { Copy } from "../../components/Copy";
import { Facts } from "../../components/Facts";
import { Name } from "../../components/Name";
import { Notice } from "../../components/Notice";
import { One } from "../../components/One";
import { size } from "../../lib/format";
import { placeOf } from "../../lib/receiver";
import { useSpeech, useTexts } from "../../texts";
import { Clients } from "./receiver/Clients";
import { Uploads } from "./receiver/Uploads";

/** The receiver that this server hosts, if it does. */
export function Receiver() {
  return (
    <One query={useQuery(receiver())}>
      {(found) =>
        found.state ? (
          <div className="flex flex-col gap-4">
            <State state={found.state} />
            <Clients />
            <Uploads />
          </div>
        ) : (
          <NotHosted />
        )
      }
    </One>
  );
}

/** How to begin. */
function NotHosted() {
  const words = useTexts().receiver;
  return (
    <div className="max-w-3xl">
      <Card title={words.none}>
        <div className="flex flex-col gap-4">
          <p className="text-sm text-faint">{words.noneHint}</p>
          <Copy label={words.noneCommand} text="backstay up --receiver /srv/received" />
          <p className="text-sm text-faint">{words.alone}</p>
        </div>
      </Card>
    </div>
  );
}

function State({ state }: { state: Schemas["ReceiverState"] }) {
  const { texts, language } = useSpeech();
  const words = texts.receiver;
  const { url, folder, stored, room, promised, low_space, append_only } = state;
  return (
    <Card title={words.state}>
      <div className="flex flex-col gap-4">
        {low_space && <Notice tone="warn">{words.lowSpace}</Notice>}
        {!placeOf(url).isEncrypted && <Notice tone="warn">{words.noTls}</Notice>}
        <Copy label={words.url} text={url} />
        <Facts
          facts={[
            [words.port, placeOf(url).port],
            [words.folder, <Name key="folder">{folder}</Name>],
            [words.stored, size(stored, language)],
            [words.room, size(room, language)],
            [words.promised, promised > 0 && size(promised, language)],
          ]}
        />
        {append_only && <p className="text-sm">{words.allAppendOnly}</p>}
      </div>
    </Card>
  );
}
