// Names as people may see them: nothing in them is unseen, and they never change the order of what stands beside them.

/** What no script needs: control characters, marks that turn the order of what follows, and blanks that have no width. */
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u200b\u2028-\u202e\u2066-\u2069\ufeff]/g;
/** What is written from right to left, or turns the order. */
const TURNING = /[\p{Bidi_Control}\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;
const [FIRST_ISOLATE, END] = ["\u2068", "\u2069"];

function sign(character: string): string {
  const code = character.charCodeAt(0);
  if (code < 0x20) {
    return String.fromCharCode(0x2400 + code);
  }
  return code === 0x7f ? "␡" : `⟨U+${code.toString(16).toUpperCase().padStart(4, "0")}⟩`;
}

/** A name with a sign for each character of it that one would not see. */
export const shown = (name: string): string => name.replace(UNSEEN, sign);

/** A name for the middle of a sentence, whose order it leaves as it is. */
export const isolated = (name: string): string =>
  TURNING.test(name) ? `${FIRST_ISOLATE}${shown(name)}${END}` : shown(name);

/** The parts of a path between which a line may end: each with its slash. What it begins with stays with what follows. */
export const breaks = (path: string): string[] => path.split(/(?<=[^/\s\u2068]\/+)(?=[^/])/);

/** Names one after the other. */
export const listed = (names: readonly string[]): string => names.map(isolated).join(", ");

function apart(arg: unknown): unknown {
  return typeof arg === "string" ? isolated(arg) : Array.isArray(arg) ? arg.map(apart) : arg;
}

/** The same words, but all names that are put into sentences are set apart. What is made so is to be read, never to be kept. */
export function withNamesApart<T>(words: T): T {
  if (typeof words === "function") {
    return ((...args: unknown[]) => words(...args.map(apart))) as T;
  }
  if (typeof words !== "object" || words === null || Array.isArray(words)) {
    return words;
  }
  return Object.fromEntries(Object.entries(words).map(([key, word]) => [key, withNamesApart(word)])) as T;
}
