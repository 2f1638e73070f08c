// Numbers and times as people read them.

/** What a function gave for the same arguments before: formatters are slow to make. */
function kept<A extends (string | number)[], T>(make: (...args: A) => T): (...args: A) => T {
  const found = new Map<string, T>();
  return (...args) => {
    const key = args.join(" ");
    let value = found.get(key);
    if (value === undefined) {
      value = make(...args);
      found.set(key, value);
    }
    return value;
  };
}

const digitsOf = kept(
  (language: string, least: number, most: number) =>
    new Intl.NumberFormat(language, { maximumFractionDigits: most, minimumFractionDigits: least }),
);
const relativeOf = kept((language: string) => new Intl.RelativeTimeFormat(language, { numeric: "auto" }));
const momentOf = kept((language: string) => new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }));
const dayOf = kept((language: string) => new Intl.DateTimeFormat(language, { dateStyle: "long" }));
const shortDayOf = kept((language: string) => new Intl.DateTimeFormat(language, { day: "numeric", month: "short", timeZone: "UTC" }));

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** `1.4 GiB`; bytes are whole. */
export function size(bytes: number, language: string): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${digitsOf(language, digits, digits).format(value)} ${UNITS[unit]}`;
}

/** `2 h 05 min`, `3 min 20 s`, `0.4 s`. */
export function duration(seconds: number, language: string): string {
  const two = (value: number) => String(value).padStart(2, "0");
  if (seconds < 10) {
    return `${digitsOf(language, 0, 1).format(seconds)} s`;
  }
  const whole = Math.round(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  if (hours >= 48) {
    return `${Math.floor(hours / 24)} d ${hours % 24} h`;
  }
  if (hours > 0) {
    return `${hours} h ${two(minutes)} min`;
  }
  return minutes > 0 ? `${minutes} min ${two(rest)} s` : `${rest} s`;
}

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
];

/** `5 minutes ago`, `in 2 hours`. Within a minute it is now. */
export function relative(time: string, now: number, language: string, justNow: string): string {
  const seconds = (Date.parse(time) - now) / 1000;
  for (const [unit, length] of STEPS) {
    if (Math.abs(seconds) >= length) {
      return relativeOf(language).format(Math.trunc(seconds / length), unit);
    }
  }
  return justNow;
}

/** A moment with its day, in the person's own zone. */
export function moment(time: string, language: string): string {
  return momentOf(language).format(new Date(time));
}

/** The UTC day of a moment, without its year. */
export const shortDay = (time: number, language: string): string => shortDayOf(language).format(time);

/** A day, as `2026-03-01`, in words. */
export const dayInWords = (day: string, language: string): string => dayOf(language).format(new Date(`${day}T12:00:00`));

export function percent(part: number, whole: number, language: string): string {
  return (whole === 0 ? 0 : part / whole).toLocaleString(language, { style: "percent", maximumFractionDigits: 0 });
}

/** A moment with its weekday, as the clocks of a zone show it; in one's own zone where that one is not known. */
export function momentIn(time: string, zone: string, language: string, toTheSecond = false): string {
  const style = {
    weekday: "short",
    day: "numeric",
    month: "short",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    ...(toTheSecond && ({ second: "2-digit" } as const)),
  } as const;
  try {
    return new Date(time).toLocaleString(language, { ...style, timeZone: zone, timeZoneName: "short" });
  } catch {
    return new Date(time).toLocaleString(language, { ...style, timeZoneName: "short" });
  }
}
