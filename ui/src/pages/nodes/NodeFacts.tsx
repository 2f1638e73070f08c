import type { ReactNode } from "react";

import type { Node } from "../../api/queries";
import { When } from "../../components/When";
import { size } from "../../lib/format";
import { useSpeech } from "../../texts";

/** What a node has said of itself. */
export function useNodeFacts({ host, last_seen }: Node): [string, ReactNode][] {
  const { texts, language } = useSpeech();
  const free = (part: number | undefined, whole: number | undefined) =>
    part !== undefined && whole !== undefined && whole > 0
      ? texts.nodes.free(size(part, language), size(whole, language))
      : "–";
  return [
    [texts.nodes.seen, <When key="seen" time={last_seen} />],
    [texts.nodes.version, host?.version ?? "–"],
    [texts.nodes.system, host?.system ?? "–"],
    [
      texts.nodes.processor,
      host?.cpu_percent === undefined ? "–" : `${Math.round(host.cpu_percent)} % · ${host.cores ?? "?"}`,
    ],
    [texts.nodes.memory, free(host?.memory_available, host?.memory_total)],
    [texts.nodes.disk, free(host?.disk_free, host?.disk_total)],
  ];
}
