import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";

import { receiver } from "../../../api/receiver";
import { Card } from "../../../components/basics";
import { Copy } from "../../../components/Copy";
import { placeOf, sendSteps } from "../../../lib/receiver";
import { useTexts } from "../../../texts";

type Props = { title: string; token: string; children: ReactNode };

/** A token that is shown this once, and where it is entered. */
export function TokenCard({ title, token, children }: Props) {
  const words = useTexts().receiver;
  const url = useQuery(receiver()).data?.state?.url;
  return (
    <Card title={title}>
      <div className="flex flex-col gap-4">
        <p className="text-sm text-faint">{words.onceHint}</p>
        <Copy label={words.token} text={token} />
        {url !== undefined && <Uses url={url} token={token} />}
        <div className="flex flex-wrap gap-2">{children}</div>
      </div>
    </Card>
  );
}

function Uses({ url, token }: { url: string; token: string }) {
  const words = useTexts().receiver;
  const { host, port, isEncrypted } = placeOf(url);
  const steps = sendSteps(url, token);
  return (
    <>
      <div className="flex flex-col gap-3 border-t border-line pt-4">
        <p className="text-sm">{words.inBackstay}</p>
        <div className="grid gap-3 sm:grid-cols-2">
          <Copy label={words.host} text={host} />
          <Copy label={words.port} text={port} />
        </div>
        {isEncrypted && <p className="text-xs text-faint">{words.fingerprintHint}</p>}
      </div>
      <div className="flex flex-col gap-3 border-t border-line pt-4">
        <p className="text-sm">{words.byCommand}</p>
        <Copy label={words.keepToken} text={steps.keep} />
        <Copy label={words.send} text={steps.send} />
      </div>
    </>
  );
}
