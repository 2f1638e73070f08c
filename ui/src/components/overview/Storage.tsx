import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { me } from "../../api/queries";
import { may } from "../../lib/may";
import { moment, size } from "../../lib/format";
import type { StorageStanding } from "../../lib/verdict";
import { useSpeech } from "../../texts";
import { Card } from "../basics";
import { isolated } from "../../lib/shown";

/** What lies in each repository, how much room is left there, and for how long. */
export function Storage({ storage, nodes }: { storage: readonly StorageStanding[]; nodes: ReadonlyMap<string, string> }) {
  const { texts } = useSpeech();
  return (
    <Card title={texts.overview.storage}>
      {storage.length === 0 && <p className="text-sm text-faint">{texts.overview.noStorage}</p>}
      <ul className="flex flex-col gap-4">
        {storage.map((place) => (
          <li key={place.repository}>
            <Place place={place} node={place.node ? nodes.get(place.node) : undefined} />
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Place({ place, node }: { place: StorageStanding; node: string | undefined }) {
  const { texts, language } = useSpeech();
  const self = useQuery(me()).data;
  const { stored, free, full } = place;
  const name = node === undefined ? place.destination.name : `${isolated(place.destination.name)}/${isolated(node)}`;
  const room = free == null ? undefined : stored + free;
  return (
    <>
      <div className="flex flex-wrap items-baseline justify-between gap-x-3">
        {may(self, "viewContent", place.project) ? (
          <Link
            to="/snapshots"
            search={{ repository: place.repository }}
            className="font-semibold text-accent wrap-anywhere hover:underline"
          >
            {name}
          </Link>
        ) : (
          <span className="font-semibold wrap-anywhere">{name}</span>
        )}
        <span className="text-sm tabular-nums">
          {size(stored, language)}
          {free != null && <span className="text-faint"> · {texts.overview.freeThere(size(free, language))}</span>}
        </span>
      </div>
      {room !== undefined && room > 0 && (
        <div
          role="meter"
          aria-label={name}
          aria-valuemin={0}
          aria-valuemax={room}
          aria-valuenow={stored}
          aria-valuetext={`${size(stored, language)} / ${size(room, language)}`}
          className="mt-1 h-2 overflow-hidden rounded bg-raised"
        >
          <div className={`h-full ${full ? "bg-warn" : "bg-accent"}`} style={{ width: `${(100 * stored) / room}%` }} />
        </div>
      )}
      {full && <p className="mt-1 text-xs text-warn">{texts.overview.fullAt(moment(full, language))}</p>}
    </>
  );
}
