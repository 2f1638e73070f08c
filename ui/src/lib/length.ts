// Lengths of time as the server writes them: `90s`, `12h`, `1d12h`.

const UNITS: Record<string, number> = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };
const PARTS = /(\d+)\s*(ms|[smhdw])\s*/g;
const WHOLE = /^\s*((\d+)\s*(ms|[smhdw])\s*)+$/;

/** The seconds of a length of time, if it is one. */
export function seconds(text: string): number | undefined {
  if (!WHOLE.test(text)) {
    return undefined;
  }
  return [...text.matchAll(PARTS)].reduce((sum, [, count, unit]) => sum + Number(count) * (UNITS[unit ?? ""] ?? 0), 0);
}
