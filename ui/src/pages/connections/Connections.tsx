import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { connections, nodes, type Connection } from "../../api/queries";
import { useUsers } from "../../api/useUsers";
import { RecordsPage } from "../../components/RecordsPage";
import { useProject } from "../../components/project";
import { placeOf } from "../../lib/connection";
import { useTexts } from "../../texts";
import { TryNow } from "./TryNow";
import { Name } from "../../components/Name";

export function Connections() {
  const texts = useTexts();
  return (
    <RecordsPage
      title={texts.pages.connections}
      query={useQuery(connections(useProject()))}
      action="editConnections"
      to="/connections/new"
      words={texts.records.connection}
    >
      {(connection) => <Row connection={connection} />}
    </RecordsPage>
  );
}

function Row({ connection }: { connection: Connection }) {
  const texts = useTexts();
  const words = texts.records.connection;
  const node = useQuery(nodes()).data?.find(({ id }) => id === connection.node);
  const kinds = useUsers(connection);
  const users = kinds.flatMap(({ records }) => records ?? []);
  const unused =
    kinds.length > 1 ? texts.bucket.unusedConnection : kinds[0]?.kind === "sources" ? texts.mysql.unusedConnection : words.unused;
  return (
    <div className="grid items-start gap-3 lg:grid-cols-2">
      <div className="min-w-0">
        <Link
          to="/connections/$id"
          params={{ id: connection.id }}
          className="font-semibold text-accent wrap-anywhere hover:underline"
        >
          <Name>{connection.name}</Name>
        </Link>
        <p className="text-sm text-faint wrap-anywhere">
          {words.types[connection.settings.type]} · <Name>{placeOf(connection.settings)}</Name> · <Name>{node?.name ?? "…"}</Name>
        </p>
        <p className="text-sm text-faint wrap-anywhere">
          {users.length === 0 ? unused : texts.records.usedBy(users.map(({ name }) => name))}
        </p>
      </div>
      <TryNow connection={connection} />
    </div>
  );
}
