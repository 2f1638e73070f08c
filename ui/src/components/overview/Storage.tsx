import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { me, type Overview } from "../../api/queries";
import { may } from "../../lib/may";
import { dayInWords, size } from "../../lib/format";
import { isolated } from "../../lib/shown";
import { storageLine } from "../../lib/storageLine";
import { fullSoon, type StorageStanding } from "../../lib/verdict";
import { useSpeech } from "../../texts";
import { Card } from "../basics";
import { StorageChart } from "../StorageChart";
import { useNow } from "../When";

/** With more repositories than these, each has its line on the page of its destination alone. */
const WITH_LINES = 3;

/** What lies in each repository, how much room is left there, and for how long. */
export function Storage({ overview: { storage, days }, nodes }: { overview: Overview; nodes: ReadonlyMap<string, string> }) {
  const { texts } = useSpeech();
  return (
    <Card title={texts.overview.storage}>
      {storage.length === 0 && <p className="text-sm text-faint">{texts.overview.noStorage}</p>}
      <ul className="flex flex-col gap-4">
        {storage.map((place) => (
          <li key={place.repository}>
            <Place place={place} node={place.node ? nodes.get(place.node) : undefined} />
            {storage.length <= WITH_LINES && <OverTime place={place} dates={days} />}
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
  const isSoon = fullSoon(place, useNow()) !== undefined;
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
          <div className={`h-full ${isSoon ? "bg-warn" : "bg-accent"}`} style={{ width: `${(100 * stored) / room}%` }} />
        </div>
      )}
      {full && <p className={`mt-1 text-xs ${isSoon ? "text-warn" : "text-faint"}`}>{texts.overview.fullAt(dayInWords(full.slice(0, 10), language))}</p>}
    </>
  );
}

function OverTime({ place, dates }: { place: StorageStanding; dates: string[] }) {
  const line = storageLine(dates, place);
  return line && <StorageChart line={line} name={place.destination.name} />;
}
