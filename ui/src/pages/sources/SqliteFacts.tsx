import type { Source } from "../../api/records";
import type { Fact } from "../../components/Facts";
import { useTexts } from "../../texts";
import { Paths } from "./InstanceFacts";

/** What is known of a source that is databases of SQLite; nothing of another. */
export function useSqliteFacts({ spec }: Source): readonly Fact[] {
  const { mysql, records, sqlite: words } = useTexts();
  if (spec.type !== "sqlite") {
    return [];
  }
  return [
    [records.source.type, records.source.types.sqlite],
    [words.databases, <Paths key="databases" paths={spec.databases} />],
    [mysql.spool, spec.spool && <Paths key="spool" paths={[spec.spool]} />],
  ];
}
