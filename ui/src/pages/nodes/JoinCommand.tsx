import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { CircleCheck, LoaderCircle } from "lucide-react";
import { useState } from "react";

import type { Schemas } from "../../api/client";
import { nodes } from "../../api/queries";
import { joinTokens } from "../../api/records";
import { Card, buttonClass } from "../../components/basics";
import { Copy } from "../../components/Copy";
import { moment } from "../../lib/format";
import { joinSteps, joined } from "../../lib/joining";
import { useSpeech } from "../../texts";

/** Nodes tell of themselves each half minute; that one has joined is told at once, where streams come through. */
const ASK_EVERY = 5_000;

/** What to enter on the computer that is to join, and whether it has. */
export function JoinCommand({ made }: { made: Schemas["NewJoinToken"] }) {
  const { texts, language } = useSpeech();
  const words = texts.node;
  const [begun] = useState(() => new Date().toISOString());
  const hosts = useQuery({ ...nodes(), refetchInterval: ASK_EVERY }).data ?? [];
  const open = useQuery({ ...joinTokens(), refetchInterval: ASK_EVERY }).data;
  const isUsed = open !== undefined && !open.some(({ id }) => id === made.id);
  const found = joined(hosts, begun, isUsed);
  const steps = joinSteps(made);
  return (
    <Card title={words.onTheComputer}>
      <div className="flex flex-col gap-4">
        <p className="text-sm text-faint">{words.shownOnce(moment(made.expires, language))}</p>
        <Copy label={words.stepToken} text={steps.token} />
        <Copy label={words.stepJoin} text={steps.join} />
        <Copy label={words.stepRun} text={steps.run} />
        <p className="text-sm text-faint">{words.stepsHint}</p>
        <div role="status" className="rounded border border-line bg-ground p-3 text-sm">
          {found === undefined ? (
            <p className="flex items-center gap-2 text-faint">
              <LoaderCircle aria-hidden size={16} className="motion-safe:animate-spin" />
              {words.waiting}
            </p>
          ) : (
            <p className="flex items-center gap-2 font-semibold text-good">
              <CircleCheck aria-hidden size={16} />
              {words.hasJoined(found.name)}
            </p>
          )}
        </div>
        {found !== undefined && (
          <div className="flex flex-wrap gap-2">
            <Link to="/sources/new" search={{ node: found.id }} className={buttonClass("accent")}>
              {words.addSource}
            </Link>
            <Link to="/nodes" className={buttonClass()}>
              {texts.pages.nodes}
            </Link>
          </div>
        )}
      </div>
    </Card>
  );
}
