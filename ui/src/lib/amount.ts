// Lengths of time and of data as forms ask for them: a number and a unit.

import { seconds } from "./length";

export type Amount = { amount: number | null; unit: string };

/** Units with what they are worth, the smallest first. */
export type Units = readonly (readonly [string, number])[];

export const BYTES: Units = [
  ["B", 1],
  ["KiB", 1024],
  ["MiB", 1024 ** 2],
  ["GiB", 1024 ** 3],
  ["TiB", 1024 ** 4],
];

/** Units of time in seconds, written as the server writes them. */
export const TIMES: Units = [
  ["s", 1],
  ["m", 60],
  ["h", 3600],
  ["d", 86_400],
];

/** A value in the largest unit that has it whole; `usual` is the unit of what is not there. */
export function amountOf(value: number | null | undefined, units: Units, usual: string): Amount {
  if (value === null || value === undefined) {
    return { amount: null, unit: usual };
  }
  const [unit, worth] = units.findLast(([, worth]) => value !== 0 && Number.isInteger(value / worth)) ?? ["", 1];
  return unit === "" ? { amount: value, unit: units[0]?.[0] ?? usual } : { amount: value / worth, unit };
}

/** The value of an amount; `null` where nothing is entered. */
export function valueOf({ amount, unit }: Amount, units: Units): number | null {
  const worth = units.find(([name]) => name === unit)?.[1] ?? 1;
  return amount === null ? null : Math.round(amount * worth);
}

export const timeOf = (text: string | null | undefined, usual: string): Amount =>
  amountOf(text ? seconds(text) : null, TIMES, usual);

/** A length of time as the server takes it. */
export const timeText = ({ amount, unit }: Amount): string | null =>
  amount === null ? null : Number.isInteger(amount) ? `${amount}${unit}` : `${valueOf({ amount, unit }, TIMES) ?? 0}s`;
