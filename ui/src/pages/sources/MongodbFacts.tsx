import { useQuery } from "@tanstack/react-query";

import { connections } from "../../api/queries";
import type { Source } from "../../api/records";
import type { Fact } from "../../components/Facts";
import { Name } from "../../components/Name";
import { RecordLinks } from "../../components/RecordLinks";
import { placeOf } from "../../lib/connection";
import { useTexts } from "../../texts";
import { Paths } from "./InstanceFacts";

/** What is known of a source that is a server of MongoDB; nothing of another. */
export function useMongodbFacts({ spec }: Source): readonly Fact[] {
  const texts = useTexts();
  const words = texts.mongodb;
  const all = useQuery(connections()).data;
  if (spec.type !== "mongodb") {
    return [];
  }
  const ways = all?.filter(({ id }) => id === spec.connection);
  const settings = ways?.[0]?.settings;
  const { include = [], exclude = [], oplog = true, users = true } = spec;
  return [
    [texts.records.source.type, texts.records.connection.types.mongodb],
    [words.title, settings && <Name key="place">{placeOf(settings)}</Name>],
    [texts.mysql.connection, <RecordLinks key="way" to="/connections/$id" records={ways} />],
    [words.include, include.length === 0 ? words.all : <Paths key="include" paths={include} />],
    [words.exclude, exclude.length > 0 && <Paths key="out" paths={exclude} />],
    [words.oplog, oplog ? words.yes : words.no],
    [words.users, users ? words.yes : words.no],
  ];
}
