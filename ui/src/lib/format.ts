// Numbers and times as people read them.

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
  const text = value.toLocaleString(language, { maximumFractionDigits: digits, minimumFractionDigits: digits });
  return `${text} ${UNITS[unit]}`;
}

/** `2 h 05 min`, `3 min 20 s`, `0.4 s`. */
export function duration(seconds: number, language: string): string {
  const two = (value: number) => String(value).padStart(2, "0");
  if (seconds < 10) {
    return `${seconds.toLocaleString(language, { maximumFractionDigits: 1 })} s`;
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
      return new Intl.RelativeTimeFormat(language, { numeric: "auto" }).format(Math.trunc(seconds / length), unit);
    }
  }
  return justNow;
}

/** A moment with its day, in the person's own zone. */
export function moment(time: string, language: string): string {
  return new Date(time).toLocaleString(language, { dateStyle: "medium", timeStyle: "short" });
}

export function percent(part: number, whole: number, language: string): string {
  return (whole === 0 ? 0 : part / whole).toLocaleString(language, { style: "percent", maximumFractionDigits: 0 });
}

/** A moment with its weekday, as the clocks of a zone show it; in one's own zone where that one is not known. */
export function momentIn(time: string, zone: string, language: string): string {
  const style = { weekday: "short", day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" } as const;
  try {
    return new Date(time).toLocaleString(language, { ...style, timeZone: zone, timeZoneName: "short" });
  } catch {
    return new Date(time).toLocaleString(language, { ...style, timeZoneName: "short" });
  }
}
