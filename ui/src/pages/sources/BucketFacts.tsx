import { useQuery } from "@tanstack/react-query";

import { connections } from "../../api/queries";
import type { Source } from "../../api/records";
import type { Fact } from "../../components/Facts";
import { RecordLinks } from "../../components/RecordLinks";
import { size } from "../../lib/format";
import { useSpeech } from "../../texts";
import { Paths } from "./InstanceFacts";

/** What is known of a source that is a bucket; nothing of another. */
export function useBucketFacts({ spec }: Source): readonly Fact[] {
  const { texts, language } = useSpeech();
  const words = texts.bucket;
  const all = useQuery(connections()).data;
  if (spec.type !== "s3") {
    return [];
  }
  const ways = all?.filter(({ id }) => id === spec.connection);
  const settings = ways?.[0]?.settings;
  const { prefixes = [], excludes = [], exclude_larger_than: largest, tags = true } = spec;
  return [
    [texts.records.source.type, texts.records.connection.types.s3],
    [texts.records.connection.bucket, settings?.type === "s3" ? settings.bucket : "…"],
    [texts.mysql.connection, <RecordLinks key="way" to="/connections/$id" records={ways} />],
    [words.prefixes, prefixes.length === 0 ? words.allKeys : <Paths key="prefixes" paths={prefixes} />],
    [texts.records.source.leftOut, excludes.length > 0 && <Paths key="out" paths={excludes} />],
    [words.larger, typeof largest === "number" && size(largest, language)],
    [words.tags, tags ? words.yes : words.no],
  ];
}
