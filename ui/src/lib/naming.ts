// Names of archives, made from patterns as the server makes them (crates/policy/src/naming): to say what is wrong with a pattern, and
// what its names look like.

const FIELDS = {
  server: "db1",
  database: "shop",
  type: "full",
  plan: "nightly",
  host: "web1",
  source: "mysql",
} as const;

/** The fields that a pattern may have. */
export const NAMES = [...Object.keys(FIELDS), "date", "n"] as const;

/** 31 January 2026, 23:05:09 UTC, in which no two parts look alike. */
const TIME = new Date(1_769_900_709_000);
const DATE = "%Y-%m-%d";
/** Bytes of a pattern, and of a name with what is put behind it. */
const [LONGEST_PATTERN, LONGEST] = [1024, 255];
const RESERVED = 32;

export type Wrong = { kind: "empty" | "long" | "brace" | "separator" | "control" | "dots" | "number" | "date" } | { kind: "field"; field: string };

type Part = { text: string } | { field: string } | { date: string };

const bytes = (text: string): number => new TextEncoder().encode(text).length;
const isWrong = (parts: readonly Part[] | Wrong): parts is Wrong => "kind" in parts;

/** Takes a pattern apart. */
function partsOf(pattern: string): Part[] | Wrong {
  if (pattern.trim() === "") {
    return { kind: "empty" };
  }
  if (bytes(pattern) > LONGEST_PATTERN) {
    return { kind: "long" };
  }
  if (/\p{Cc}/u.test(pattern)) {
    return { kind: "control" };
  }
  const parts: Part[] = [];
  for (const [piece, field] of pattern.matchAll(/\{\{|\}\}|\{([^}]*)\}|[^{}]+|[{}]/g)) {
    if (field === undefined) {
      if (piece === "{" || piece === "}") {
        return { kind: "brace" };
      }
      parts.push({ text: piece === "{{" ? "{" : piece === "}}" ? "}" : piece });
    } else if (field === "date" || field.startsWith("date:")) {
      const format = field === "date" ? DATE : field.slice("date:".length);
      if (format === "") {
        return { kind: "date" };
      }
      parts.push({ date: format });
    } else if (NAMES.some((name) => name === field)) {
      parts.push({ field });
    } else {
      return { kind: "field", field: field.slice(0, 40) };
    }
  }
  return parts;
}

/** What is wrong with a pattern of names; what only the server can tell of a date is left to it. */
export function wrongName(pattern: string): Wrong | undefined {
  const parts = partsOf(pattern);
  if (isWrong(parts)) {
    return parts;
  }
  const literal = parts.map((part) => ("text" in part ? part.text : "date" in part ? (written(part.date) ?? "") : ""));
  return literal.some((text) => /[/\\]/.test(text)) ? { kind: "separator" } : undefined;
}

/** What is wrong with a layout of folders. */
export function wrongFolder(layout: string): Wrong | undefined {
  if (layout === "") {
    return undefined;
  }
  if (layout.includes("\\")) {
    return { kind: "separator" };
  }
  if (layout.split("/").some((name) => name === "." || name === "..")) {
    return { kind: "dots" };
  }
  const parts = partsOf(layout);
  if (isWrong(parts)) {
    return parts;
  }
  return parts.some((part) => "field" in part && part.field === "n") ? { kind: "number" } : undefined;
}

const two = (value: number, fill = "0") => String(value).padStart(2, fill);
const inWords = (options: Intl.DateTimeFormatOptions) => TIME.toLocaleDateString("en", { timeZone: "UTC", ...options });
const [YEAR, MONTH, DAY] = [TIME.getUTCFullYear(), TIME.getUTCMonth() + 1, TIME.getUTCDate()];
const [HOUR, MINUTE, SECOND] = [TIME.getUTCHours(), TIME.getUTCMinutes(), TIME.getUTCSeconds()];
const DAY_OF_YEAR = Math.round((Date.UTC(YEAR, MONTH - 1, DAY) - Date.UTC(YEAR, 0, 0)) / 86_400_000);

const DIRECTIVES: Record<string, string> = {
  Y: String(YEAR),
  y: two(YEAR % 100),
  C: two(Math.floor(YEAR / 100)),
  m: two(MONTH),
  d: two(DAY),
  e: two(DAY, " "),
  H: two(HOUR),
  I: two(HOUR % 12 || 12),
  M: two(MINUTE),
  S: two(SECOND),
  j: String(DAY_OF_YEAR).padStart(3, "0"),
  F: `${YEAR}-${two(MONTH)}-${two(DAY)}`,
  T: `${two(HOUR)}:${two(MINUTE)}:${two(SECOND)}`,
  R: `${two(HOUR)}:${two(MINUTE)}`,
  p: HOUR < 12 ? "AM" : "PM",
  P: HOUR < 12 ? "am" : "pm",
  s: String(TIME.getTime() / 1000),
  z: "+0000",
  Z: "UTC",
  a: inWords({ weekday: "short" }),
  A: inWords({ weekday: "long" }),
  b: inWords({ month: "short" }),
  B: inWords({ month: "long" }),
  "%": "%",
};

/** The time of examples in a format; nothing where it has parts that only the server knows. */
function written(format: string): string | undefined {
  const isKnown = [...format.matchAll(/%(.?)/gs)].every(([, directive = ""]) => directive in DIRECTIVES);
  return isKnown ? format.replace(/%(.)/g, (_, directive: string) => DIRECTIVES[directive] ?? "") : undefined;
}

/** Puts values in place of fields. */
function filled(parts: readonly Part[]): string | undefined {
  const texts = parts.map((part) =>
    "text" in part ? part.text : "date" in part ? written(part.date) : part.field === "n" ? "1" : FIELDS[part.field as keyof typeof FIELDS],
  );
  return texts.includes(undefined) ? undefined : texts.join("");
}

/** A text as one name that every system takes. */
function component(text: string): string {
  const replaced = text.replace(/[\p{Cc}/\\:*?"<>|\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029]/gu, "_");
  return replaced.replace(/^[.\-\s]+|[.\s]+$/g, "") || "_";
}

function shortened(name: string, most: number): string {
  const letters = [...name];
  while (bytes(letters.join("")) > most) {
    letters.pop();
  }
  return letters.join("");
}

/** The folders of an example with a slash between and behind them, and its name; nothing where that cannot be told here. */
export function example(folder: string, name: string, extension: string): string | undefined {
  const [folders, names] = [folder === "" ? [] : partsOf(folder), partsOf(name)];
  if (wrongFolder(folder) || wrongName(name) || isWrong(folders) || isWrong(names)) {
    return undefined;
  }
  const [way, stem] = [filled(folders), filled(names)];
  if (way === undefined || stem === undefined) {
    return undefined;
  }
  const above = way.split("/").filter((one) => one !== "").map((one) => shortened(component(one), LONGEST));
  return [...above, shortened(component(stem), LONGEST - RESERVED - extension.length) + extension].join("/");
}
