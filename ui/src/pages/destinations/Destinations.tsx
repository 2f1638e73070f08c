import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { connections, destinations, plans } from "../../api/queries";
import { repositories, type Destination } from "../../api/records";
import { HealthBadge } from "../../components/HealthBadge";
import { RecordsPage } from "../../components/RecordsPage";
import { useProject } from "../../components/project";
import { placeOf } from "../../lib/connection";
import { useTexts } from "../../texts";
import { Name } from "../../components/Name";

export function Destinations() {
  const texts = useTexts();
  return (
    <RecordsPage
      title={texts.pages.destinations}
      query={useQuery(destinations(useProject()))}
      action="editDestinations"
      to="/destinations/new"
      words={texts.records.destination}
    >
      {(destination) => <Row destination={destination} />}
    </RecordsPage>
  );
}

function Row({ destination }: { destination: Destination }) {
  const texts = useTexts();
  const words = texts.records.destination;
  const connection = useQuery(connections()).data?.find(({ id }) => id === destination.connection);
  const users = useQuery(plans()).data?.filter((plan) => plan.destinations.includes(destination.id)) ?? [];
  const held = useQuery(repositories()).data?.filter((repository) => repository.destination === destination.id);
  const isArchives = destination.holds?.type === "archives";
  return (
    <div className="grid items-start gap-3 lg:grid-cols-2">
      <div className="min-w-0">
        <Link
          to="/destinations/$id"
          params={{ id: destination.id }}
          className="font-semibold text-accent wrap-anywhere hover:underline"
        >
          <Name>{destination.name}</Name>
        </Link>
        <p className="text-sm text-faint wrap-anywhere">
          {connection === undefined ? "…" : <Name>{placeOf(connection.settings)}</Name>}
          {destination.path && (
            <>
              {" · "}
              <Name>{destination.path}</Name>
            </>
          )}
        </p>
        <p className="text-sm text-faint wrap-anywhere">
          {users.length === 0 ? words.unused : texts.records.usedBy(users.map(({ name }) => name))}
        </p>
      </div>
      <div className="flex flex-wrap items-center justify-between gap-3 text-sm">
        {connection !== undefined && <HealthBadge status={connection.status} />}
        <span className="text-faint">{isArchives ? texts.records.archives.places : held === undefined ? "…" : words.repositories(held.length)}</span>
      </div>
    </div>
  );
}
