import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Plus } from "lucide-react";

import { connections, destinations, nodes, type Connection } from "../../api/queries";
import { useMay } from "../../api/roles";
import { Empty, PageHead, buttonClass } from "../../components/basics";
import { RecordList } from "../../components/RecordList";
import { useProject } from "../../components/project";
import { placeOf } from "../../lib/connection";
import { useTexts } from "../../texts";
import { TryNow } from "./TryNow";

export function Connections() {
  const texts = useTexts();
  const words = texts.records.connection;
  const query = useQuery(connections(useProject()));
  const mayEdit = useMay("editConnections");
  const add = mayEdit && (
    <Link to="/connections/new" className={buttonClass("accent")}>
      <Plus aria-hidden size={16} />
      {words.add}
    </Link>
  );
  return (
    <>
      <PageHead title={texts.pages.connections}>{query.data?.length !== 0 && add}</PageHead>
      <RecordList
        query={query}
        none={
          <Empty title={words.none} hint={words.noneHint}>
            {add}
          </Empty>
        }
      >
        {(connection) => <Row connection={connection} />}
      </RecordList>
    </>
  );
}

function Row({ connection }: { connection: Connection }) {
  const texts = useTexts();
  const words = texts.records.connection;
  const node = useQuery(nodes()).data?.find(({ id }) => id === connection.node);
  const users = useQuery(destinations()).data?.filter((destination) => destination.connection === connection.id) ?? [];
  return (
    <div className="grid items-start gap-3 lg:grid-cols-2">
      <div className="min-w-0">
        <Link
          to="/connections/$id"
          params={{ id: connection.id }}
          className="font-semibold text-accent wrap-anywhere hover:underline"
        >
          {connection.name}
        </Link>
        <p className="text-sm text-faint wrap-anywhere">
          {words.types[connection.settings.type]} · {placeOf(connection.settings)} · {node?.name ?? "…"}
        </p>
        <p className="text-sm text-faint wrap-anywhere">
          {users.length === 0 ? words.unused : texts.records.usedBy(users.map(({ name }) => name).join(", "))}
        </p>
      </div>
      <TryNow connection={connection} />
    </div>
  );
}
