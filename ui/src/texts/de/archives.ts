import type { Wrong } from "../../lib/naming";
import type { archives as En } from "../en/archives";

const wrong: Record<Exclude<Wrong["kind"], "field">, string> = {
  empty: "Diese Angabe wird gebraucht.",
  long: "Höchstens 1024 Bytes.",
  brace: "Einer Klammer fehlt ihr Gegenstück. Schreiben Sie eine, die als solche gemeint ist, doppelt.",
  separator: "In einem Namen kann kein Schrägstrich stehen, in einem Ordner kein umgekehrter.",
  control: "Darin steht ein Steuerzeichen.",
  dots: "Ordner, die . oder .. heißen, gehen nicht.",
  number: "{n} zählt Namen; Ordner haben keine Nummer.",
  date: "Das Format des Datums ist leer.",
};

const pattern = (found: Wrong) => (found.kind === "field" ? `Ein Feld {${found.field}} gibt es nicht.` : wrong[found.kind]);

export const archives: typeof En = {
  holds: "Was es enthält",
  types: { repository: "Ein Repository (empfohlen)", archives: "Archive" },
  typeHints: {
    repository: "Gleiches wird nur einmal gespeichert, jeder Snapshot ist vollständig, und alles ist verschlüsselt.",
    archives: "Eine Datei je Sicherung: Zip, Tar oder ein Dump von MongoDB. Auch andere Programme öffnen sie, eine verschlüsselte nach dem Entschlüsseln mit age. Das braucht mehr Platz.",
  },
  held: { repository: "Ein Repository", archives: (format) => `Archive: ${format}` },
  format: "Format",
  formats: { zip: "zip", "tar.zst": "tar.zst" },
  formatHints: { zip: "Jedes System öffnet es.", "tar.zst": "Kleiner und schneller; tar und zstd öffnen es." },
  mongodb: "Archive von MongoDB",
  mongodbs: { mongodump: "Wie mongodump sie macht", files: "Wie die anderer Quellen" },
  mongodbHints: {
    mongodump: "Eine .archive.gz, die mongorestore liest. Jede ist vollständig.",
    files: "Im Format oben, mit zwei Dateien darin je Collection.",
  },
  encryption: "Verschlüsselung",
  encryptions: { age: "Mit age verschlüsselt", plain: "Nicht verschlüsselt" },
  encryptionHints: {
    age: "Der Schlüssel entsteht mit dem ersten Archiv und steht in der Notfallmappe.",
    plain: "Wer die Datei bekommt, kann sie öffnen.",
  },
  plainMeans:
    "Wer die Dateien dort lesen kann oder an den Datenträger kommt, hat alles, was gesichert wurde. Wählen Sie das nur, wo niemand sonst herankommt.",
  name: "Namen",
  nameHint: (fields) => `Ein Muster. Seine Felder sind ${fields}. Ein Datum kann ein Format haben, etwa {date:%Y-%m-%d_%H%M%S}; Zeiten sind in UTC.`,
  folder: "Unterordner",
  folderHint: "Ein Muster mit Schrägstrichen und denselben Feldern außer {n}, etwa {host}/{plan}. Leer heißt: keine Ordner.",
  example: "Das vollständige Archiv einer MySQL-Quelle hieße",
  noExample: "Diese Form eines Datums kennt nur der Server.",
  wrongExample: "Diese Muster lassen sich noch nicht verwenden.",
  nodeFolder: "KNOTEN",
  asIn: "Zum Beispiel",
  full: "Vollständige Archive",
  always: "Jedes",
  every: (count, between) => `Eines von ${count}; dazwischen: ${between}`,
  fullEvery: "Ein vollständiges Archiv auf",
  fullEveryHint: "1: Jedes ist vollständig und braucht kein anderes. 7: Auf ein vollständiges folgen sechs mit dem, was sich geändert hat.",
  between: "Zwischen vollständigen Archiven",
  betweens: { incremental: "Inkrementell", differential: "Differenziell" },
  betweenHints: {
    incremental: "Was sich seit dem vorigen Archiv geändert hat. Klein; jedes braucht alle davor bis zum vollständigen.",
    differential: "Was sich seit dem letzten vollständigen Archiv geändert hat. Jedes braucht nur dieses eine.",
  },
  compression: "Kompression",
  compressions: {
    "": "Wie üblich (Deflate)",
    store: "Keine",
    deflate: "Deflate, das jedes Zip-Programm liest",
    zstd: "Zstandard: kleiner und schneller; wenige Zip-Programme lesen es",
  },
  splitOver: "In Teilen senden, was größer ist als",
  splitOverHint: "Leer heißt 100 GB. Jeder Teil wird geprüft, und nach einem Abbruch geht es beim angefangenen Teil weiter.",
  layout: "Wer sich einen Ordner teilt",
  layouts: { per_node: "Jeder Knoten hat einen Ordner mit seinem Namen", shared: "Alle Knoten teilen sich einen Ordner" },
  layoutHints: {
    per_node: "Jeder hat seinen eigenen Schlüssel. So kann kein Knoten lesen, was ein anderer gespeichert hat.",
    shared: "Alle haben denselben Schlüssel. Jeder kann lesen und löschen, was die anderen speichern.",
  },
  wrong: {
    fullEvery: "Von 1 bis 1000.",
    pattern,
  },
  places: "Archive",
  nonePlaces: "Noch keine. Das erste entsteht mit der ersten Sicherung.",
  key: "Der Schlüssel der Archive",
  revealSure: "Den Schlüssel dieser Archive zeigen?",
  revealHint: "Wer den Schlüssel hat, kann alle diese Archive lesen. Dass Sie ihn angesehen haben, steht danach im Audit-Protokoll.",
  removeHint: "Seine Datei wird gelöscht, und es lässt sich nicht mehr wiederherstellen. Solange andere Archive es brauchen, lehnt der Server ab.",
  keepHint:
    "Ein Archiv behält die Tags, mit denen es entstanden ist: Geben Sie sie im Plan an. Um eines auf Dauer zu behalten, kopieren Sie seine Datei an einen anderen Ort.",
  archive: "Archiv",
  adopt: {
    title: "Vorhandene Archive übernehmen",
    hint: "Archive, die ein anderes Backstay angelegt hat, werden mit ihrem Schlüssel geöffnet. Danach sind sie hier als Snapshots zu finden.",
    action: "Öffnen und übernehmen",
    nodeOwn: "Dieser Knoten öffnet sie, und ihr Ordner wird hier der dieses Knotens.",
    nodeShared: "Dieser Knoten öffnet sie.",
    path: "Ordner",
    pathHint: "Innerhalb des Ziels. Leer, wenn die Archive ganz oben liegen.",
    password: "Schlüssel der Archive",
    passwordHint: "Er beginnt mit AGE-SECRET-KEY-1 und steht in der Notfallmappe.",
  },
};
