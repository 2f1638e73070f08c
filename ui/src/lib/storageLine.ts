// What lay in a repository day by day, as a line to draw.

import type { StorageStanding } from "./verdict";

/** A moment and the bytes then; a forecast is a guess from what was before. */
export type Point = { time: number; bytes: number; isForecast: boolean };

export type StorageLine = {
  points: readonly Point[];
  /** What the line is drawn up to: a round number of bytes. */
  top: number;
};

const STEPS = [1, 2, 4, 5, 8, 10, 16, 20, 32, 40, 50, 64, 80, 100, 128, 160, 200, 256, 320, 400, 512, 640, 800, 1024];

/** The least round number of bytes that is not below. */
export function roundUp(bytes: number): number {
  let unit = 1;
  while (bytes > 1024 * unit) {
    unit *= 1024;
  }
  return unit * (STEPS.find((step) => step * unit >= bytes) ?? 1024);
}

/**
 * The days on which it is known what lay there, and how it goes on if it goes on so: until it is full, or for as long again. Nothing
 * when fewer than two days are known.
 */
export function storageLine(dates: readonly string[], { days, free, full }: Pick<StorageStanding, "days" | "free" | "full">): StorageLine | undefined {
  const points = dates.flatMap((date, place): Point[] => {
    const bytes = days[place];
    return typeof bytes === "number" ? [{ time: Date.parse(date), bytes, isForecast: false }] : [];
  });
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined || first === last) {
    return undefined;
  }
  const until = full == null ? Number.NaN : Date.parse(full);
  if (free != null && until > last.time) {
    const end = Math.min(until, 2 * last.time - first.time);
    const bytes = last.bytes + (free * (end - last.time)) / (until - last.time);
    points.push({ time: end, bytes, isForecast: true });
  }
  return { points, top: roundUp(Math.max(1, ...points.map(({ bytes }) => bytes))) };
}

/** The place of a point in a square of a hundred, from its upper left corner. */
export function placed({ points, top }: StorageLine, { time, bytes }: Point): { x: number; y: number } {
  const [from, to] = [points[0]?.time ?? time, points.at(-1)?.time ?? time];
  return { x: (100 * (time - from)) / (to - from || 1), y: 100 - (100 * bytes) / top };
}

/** The point that is nearest to a place from left to right, of a hundred. */
export function nearest(line: StorageLine, x: number): number {
  const distances = line.points.map((point) => Math.abs(placed(line, point).x - x));
  return distances.indexOf(Math.min(...distances));
}
