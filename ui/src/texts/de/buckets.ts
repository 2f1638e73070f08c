import type { bucket as En } from "../en/buckets";
import { plural } from "../words";

const keys = (prefixes: readonly string[], more: number) =>
  `Schlüssel, die mit ${prefixes.map((prefix) => `„${prefix}“`).join(" oder ")} beginnen${
    more > 0 ? `, und ${more} ${plural(more, "weiterer Anfang", "weitere Anfänge")}` : ""
  }`;

export const bucket: typeof En = {
  title: "Der Bucket",
  nodeHint: "Der Rechner, der den Bucket liest.",
  connectionHint: "Eine der Art „S3-Bucket“ auf diesem Knoten. Ihr Zugang muss auflisten und lesen dürfen.",
  unusedConnection: "Von keinem Ziel und keiner Quelle verwendet",
  named: (bucket, prefixes, more) => `Bucket ${bucket}, ${prefixes.length === 0 ? "alle Schlüssel" : keys(prefixes, more)}`,
  objects: "Welche Objekte",
  prefixes: "Schlüssel beginnen mit",
  prefixesHint: "Ein Anfang je Zeile, etwa photos/ oder logs/2026-. Leer heißt: alle Objekte des Buckets.",
  allKeys: "Alle Schlüssel",
  dots: "„.“ und „..“ dürfen nicht allein zwischen Schrägstrichen stehen.",
  long: "Ein Schlüssel hat höchstens 1024 Bytes.",
  excludes: "Muster für Ausgelassenes",
  excludesHint: "Eines je Zeile, für /Bucket/Schlüssel. Ein Muster ohne Schrägstrich passt auf Namen an jeder Stelle; * steht für einen Teil eines Namens, ** für beliebige Ordner.",
  larger: "Größere Objekte auslassen",
  tags: "Tags mitnehmen",
  tagsHint: "Das braucht eine Anfrage mehr für jedes Objekt, das gelesen wird und welche hat.",
  yes: "Ja",
  no: "Nein",
  into: "Ein Bucket",
  intoHint: "Die Objekte werden in einen Bucket eines S3-Dienstes geschrieben. Vorher wird die ganze Sicherung gelesen.",
  connection: "Verbindung zum Bucket",
  noConnection: "Dieser Knoten hat keine Verbindung der Art „S3-Bucket“.",
  prefix: "Vor alle Schlüssel setzen",
  prefixHint: "Etwa restored/. Leer heißt: Die Objekte bekommen die Schlüssel, die sie hatten.",
  exampleKey: (bucket, key) => `Zum Beispiel ${key} in ${bucket}`,
  asFiles: "Als Dateien auf dem Rechner des Knotens, in einem Ordner mit dem Namen des Buckets.",
  existing: "Was mit vorhandenen Objekten geschieht",
  overwrite: "Vorhandene Objekte",
  modes: {
    always: ["Ersetzen, was abweicht", "Jedes Objekt wird verglichen. Was nicht wie im Snapshot ist, wird ersetzt."],
    if_newer: ["Neuere Objekte behalten", "Objekte, die nach denen im Snapshot geschrieben wurden, bleiben, wie sie sind."],
    never: ["Alle vorhandenen Objekte behalten", "Nur was fehlt, wird wiederhergestellt."],
  },
  deleteHint: "Objekte, die nicht im Snapshot sind, werden endgültig gelöscht: im ganzen Bucket oder in dem, was mit dem Präfix beginnt oder ausgewählt wurde.",
  goHint:
    "Ein Probelauf schreibt nichts und sagt, was geschehen würde; was gelöscht würde, zählt er nicht. Nach dem Wiederherstellen wird mit der Sicherung verglichen, was der Dienst auflistet.",
  sure: "Im Bucket löschen?",
  sureHint: (bucket, prefix, paths) =>
    `Im Bucket ${bucket} werden ${prefix === "" ? "alle Objekte" : `alle Objekte, deren Schlüssel mit „${prefix}“ beginnen,`} endgültig gelöscht, die nicht im Snapshot sind.${
      paths.length === 0 ? "" : ` Es betrifft nur, was ausgewählt wurde: ${paths.join(", ")}`
    }`,
  place: (bucket, prefix) => (prefix === "" ? `Bucket ${bucket}` : `Bucket ${bucket}, unter „${prefix}“`),
  gone: "Bucket einer Verbindung, die es nicht mehr gibt",
  written: "Geschriebene Objekte",
  unchanged: "Objekte, die schon da waren",
  replaced: "Objekte, die andere ersetzt haben",
  compared: "Objekte wie in der Sicherung",
  deleted: "Gelöschte Objekte",
  skipped: "Unberührte Objekte",
};
