import { useQuery } from "@tanstack/react-query";

import { connections } from "../../api/queries";
import type { Source } from "../../api/records";
import type { Fact } from "../../components/Facts";
import { Name } from "../../components/Name";
import { RecordLinks } from "../../components/RecordLinks";
import { controlOf } from "../../lib/mysql";
import { timeWords } from "../../lib/plan/describe";
import { useSpeech } from "../../texts";

/** What is known of a source that is a database; nothing of another. */
export function useInstanceFacts({ spec }: Source): readonly Fact[] {
  const { texts, language } = useSpeech();
  const words = texts.mysql;
  const all = useQuery(connections()).data;
  if (spec.type !== "mysql") {
    return [];
  }
  const { method } = spec;
  const { control, target } = controlOf(method);
  const time = (text: string | undefined, usual: string) => timeWords(text ?? usual, language);
  const { data_dir, include = [], spool } = method;
  return [
    [texts.records.source.type, texts.records.connection.types.mysql],
    [
      words.connection,
      <RecordLinks key="way" to="/connections/$id" records={all?.filter(({ id }) => id === spec.connection)} />,
    ],
    [
      words.stopping,
      <span key="control">
        {words.controls[control]}: <Name className="font-mono text-xs">{target}</Name>
      </span>,
    ],
    [words.meanwhile, words.sequences[method.sequence ?? "auto"]],
    [words.dataDir, data_dir && <Paths key="data" paths={[data_dir]} />],
    [words.include, include.length > 0 && <Paths key="include" paths={include} />],
    [words.spool, spool && <Paths key="spool" paths={[spool]} />],
    [words.stopTimeout, time(method.stop_timeout, "5m")],
    [words.copyTimeout, time(method.copy_timeout, "6h")],
    [words.startTimeout, time(method.start_timeout, "5m")],
  ];
}

export function Paths({ paths }: { paths: readonly string[] }) {
  if (paths.length === 0) {
    return "–";
  }
  return paths.map((path) => (
    <Name key={path} className="block font-mono text-xs leading-5 whitespace-pre-wrap">
      {path}
    </Name>
  ));
}
