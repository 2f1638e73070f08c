import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { connections, nodes, plans, sources } from "../../api/queries";
import type { Source } from "../../api/records";
import { RecordsPage } from "../../components/RecordsPage";
import { useProject } from "../../components/project";
import { useTexts } from "../../texts";
import { Breaking, Name } from "../../components/Name";
import { placeOf } from "../../lib/connection";
import type { BucketSpec } from "../../lib/bucket";
import type { MongodbSpec } from "../../lib/mongodb";
import type { MysqlSpec } from "../../lib/mysql";
import type { SqliteSpec } from "../../lib/sqlite";
import { isolated } from "../../lib/shown";

/** Paths that are named in a list; the others are counted. */
const SHOWN = 3;

export function Sources() {
  const texts = useTexts();
  return (
    <RecordsPage
      title={texts.pages.sources}
      query={useQuery(sources(useProject()))}
      action="editSources"
      to="/sources/new"
      words={texts.records.source}
    >
      {(source) => <Row source={source} />}
    </RecordsPage>
  );
}

function Row({ source }: { source: Source }) {
  const texts = useTexts();
  const words = texts.records.source;
  const node = useQuery(nodes()).data?.find(({ id }) => id === source.node);
  const users = useQuery(plans()).data?.filter((plan) => plan.sources.includes(source.id)) ?? [];
  return (
    <div className="grid items-start gap-x-6 gap-y-1 lg:grid-cols-2">
      <div className="min-w-0">
        <Link
          to="/sources/$id"
          params={{ id: source.id }}
          className="font-semibold text-accent wrap-anywhere hover:underline"
        >
          <Name>{source.name}</Name>
        </Link>
        <p className="text-sm text-faint wrap-anywhere">{node?.name ?? "…"}</p>
      </div>
      <div className="min-w-0 text-sm">
        <What spec={source.spec} />
        <p className="mt-1 text-faint wrap-anywhere">
          {users.length === 0 ? words.unused : texts.records.usedBy(users.map(({ name }) => name))}
        </p>
      </div>
    </div>
  );
}

function What({ spec }: Pick<Source, "spec">) {
  switch (spec.type) {
    case "files":
      return <Paths paths={spec.paths} />;
    case "mysql":
    case "mongodb":
      return <Database spec={spec} />;
    case "sqlite":
      return <Databases spec={spec} />;
    case "s3":
      return <Bucket spec={spec} />;
  }
}

function Paths({ paths }: { paths: readonly string[] }) {
  const words = useTexts().records.source;
  return (
    <p className="font-mono text-xs wrap-anywhere">
      <span>
        <Breaking>{paths.slice(0, SHOWN).map(isolated).join("  ")}</Breaking>
      </span>
      {paths.length > SHOWN && <span className="text-faint"> {words.more(paths.length - SHOWN)}</span>}
    </p>
  );
}

/** What kind of database it is, and the way to it. */
function Database({ spec }: { spec: MysqlSpec | MongodbSpec }) {
  const texts = useTexts();
  const way = useQuery(connections()).data?.find(({ id }) => id === spec.connection);
  return (
    <p className="wrap-anywhere">
      {texts.records.connection.types[spec.type]} · {way === undefined ? "…" : <Name>{placeOf(way.settings)}</Name>}
    </p>
  );
}

/** Which files are databases of SQLite. */
function Databases({ spec }: { spec: SqliteSpec }) {
  const words = useTexts().records.source;
  return (
    <>
      <p>{words.types.sqlite}</p>
      <Paths paths={spec.databases} />
    </>
  );
}

/** Which bucket it is, and which of its keys. */
function Bucket({ spec: { connection, prefixes = [] } }: { spec: BucketSpec }) {
  const words = useTexts().bucket;
  const settings = useQuery(connections()).data?.find(({ id }) => id === connection)?.settings;
  return (
    <p className="wrap-anywhere">
      {words.named(settings?.type === "s3" ? settings.bucket : "…", prefixes.slice(0, SHOWN), Math.max(prefixes.length - SHOWN, 0))}
    </p>
  );
}
