// What a program says of itself, as people call it.

const BROWSERS: [RegExp, string][] = [
  [/\bEdg(A|iOS)?\//, "Edge"],
  [/\b(OPR|Opera)\//, "Opera"],
  [/\b(Firefox|FxiOS)\//, "Firefox"],
  [/\b(HeadlessChrome|Chromium|Chrome|CriOS)\//, "Chrome"],
  [/\bVersion\/[\d.]+ .*Safari\//, "Safari"],
];

const SYSTEMS: [RegExp, string][] = [
  [/iPhone|iPad/, "iOS"],
  [/Android/, "Android"],
  [/Windows/, "Windows"],
  [/CrOS/, "ChromeOS"],
  [/Mac OS X|Macintosh/, "macOS"],
  [/Linux/, "Linux"],
];

/** `Firefox, Linux`; of other programs their first word, as `curl/8.5.0`. */
export function browserOf(agent: string): string | undefined {
  const of = (names: [RegExp, string][]) => names.find(([sign]) => sign.test(agent))?.[1];
  const browser = of(BROWSERS);
  const system = of(SYSTEMS);
  return browser === undefined ? agent.split(" ")[0] || undefined : [browser, system].filter(Boolean).join(", ");
}
