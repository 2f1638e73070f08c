// What lay in a repository over time. The days are gone through by arrow keys, by touch or by a pointer; a table has them all.

import { useState } from "react";

import { shortDay, size } from "../lib/format";
import { nearest, placed, type Point, type StorageLine } from "../lib/storageLine";
import { useSpeech } from "../texts";

const pathOf = (line: StorageLine, points: readonly Point[]): string =>
  points.map((point) => placed(line, point)).map(({ x, y }, place) => `${place === 0 ? "M" : "L"}${x} ${y}`).join(" ");

export function StorageChart({ line, name }: { line: StorageLine; name: string }) {
  const { texts, language } = useSpeech();
  const words = texts.overview;
  const [chosen, setChosen] = useState<number>();
  const { points, top } = line;
  const known = points.filter(({ isForecast }) => !isForecast);
  const [first, latest, end] = [points[0], known.at(-1), points.at(-1)];
  if (first === undefined || latest === undefined || end === undefined) {
    return null;
  }
  const place = Math.min(chosen ?? known.length - 1, points.length - 1);
  const shown = points[place] ?? latest;
  const day = ({ time }: Point) => shortDay(time, language);
  const told = (point: Point) => {
    const bytes = size(point.bytes, language);
    return point.isForecast ? words.forecast(bytes) : bytes;
  };
  const at = placed(line, shown);
  const path = pathOf(line, known);
  return (
    <figure className="mt-2 min-h-42" aria-label={words.overTimeOf(name)}>
      <figcaption className="mb-2 flex flex-wrap justify-between gap-x-3 text-xs">
        <span className="text-faint">{words.overTime}</span>
        <span className="tabular-nums">
          {day(shown)}: <span className="font-semibold">{told(shown)}</span>
        </span>
      </figcaption>
      <div className="flex gap-2 text-xs text-faint tabular-nums">
        <div aria-hidden className="flex h-24 flex-col justify-between text-right leading-none whitespace-nowrap">
          {[top, top / 2, 0].map((bytes) => (
            <span key={bytes}>{size(bytes, language)}</span>
          ))}
        </div>
        <div className="min-w-0 grow">
          <div
            className="relative h-24 touch-pan-y rounded has-focus-visible:outline-3 has-focus-visible:outline-offset-2 has-focus-visible:outline-accent"
            onPointerMove={({ currentTarget, clientX }) => {
              const { left, width } = currentTarget.getBoundingClientRect();
              setChosen(nearest(line, (100 * (clientX - left)) / width));
            }}
            onPointerLeave={() => setChosen(undefined)}
          >
            <svg aria-hidden viewBox="0 0 100 100" preserveAspectRatio="none" className="absolute inset-0 size-full overflow-visible">
              <path d="M0 0H100M0 50H100M0 100H100" className="stroke-line" vectorEffect="non-scaling-stroke" />
              <path d={`${path} V100 H0 Z`} className="fill-accent opacity-15" />
              <path d={path} className="fill-none stroke-accent stroke-2" vectorEffect="non-scaling-stroke" strokeLinejoin="round" />
              {end.isForecast && (
                <path
                  d={pathOf(line, [latest, end])}
                  className="fill-none stroke-warn stroke-2"
                  strokeDasharray="5 4"
                  vectorEffect="non-scaling-stroke"
                />
              )}
            </svg>
            <span
              aria-hidden
              className={`absolute size-2.5 -translate-1/2 rounded-full border-2 border-card ${shown.isForecast ? "bg-warn" : "bg-accent"}`}
              style={{ left: `${at.x}%`, top: `${at.y}%` }}
            />
            <input
              type="range"
              aria-label={words.overTimeOf(name)}
              aria-valuetext={`${day(shown)}: ${told(shown)}`}
              min={0}
              max={points.length - 1}
              value={place}
              onChange={({ target }) => setChosen(Number(target.value))}
              onBlur={() => setChosen(undefined)}
              className="pointer-events-none absolute inset-0 size-full opacity-0"
            />
          </div>
          <div aria-hidden className="mt-1 flex justify-between">
            <span>{day(first)}</span>
            <span>{day(end)}</span>
          </div>
        </div>
      </div>
      <details className="mt-1 text-xs">
        <summary className="min-h-6 text-faint">{words.asTable}</summary>
        <div role="region" aria-label={words.overTimeOf(name)} tabIndex={0} className="max-h-48 overflow-y-auto">
          <table className="w-full tabular-nums">
            <thead className="sr-only">
              <tr>
                <th scope="col">{words.dayHead}</th>
                <th scope="col">{words.stored}</th>
              </tr>
            </thead>
            <tbody>
              {points.map((point) => (
                <tr key={point.time} className="border-t border-line">
                  <th scope="row" className="py-1 text-left font-normal">
                    {day(point)}
                  </th>
                  <td className="py-1 text-right">{told(point)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </figure>
  );
}
