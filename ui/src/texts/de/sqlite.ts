import type { sqlite as En } from "../en/sqlite";
import { plural } from "../words";

export const sqlite: typeof En = {
  databases: "Datenbanken",
  nodeHint: "Der Rechner, auf dem die Dateien der Datenbanken liegen.",
  hint: "Programme dürfen weiterschreiben: Jede Datenbank wird innerhalb einer Transaktion kopiert und die Kopie geprüft. Wo eine Datenbank ein Rollback-Journal hat, wartet beim Commit, wer schreibt, bis die Kopie fertig ist.",
  treeHint: "Haken Sie die Dateien der Datenbanken an. Mit der Tastatur: Pfeiltasten, Leertaste zum Anhaken.",
  inPlace: "An ihren Ort",
  inPlaceHint: "Datenbanken kommen dorthin zurück, wo sie waren, oder eine davon unter einen anderen Pfad. Was jetzt dort ist, bleibt daneben erhalten.",
  none: "Nichts von dem, was in Schritt 1 ausgewählt ist, ist eine der Datenbanken. Stellen Sie alles wieder her oder wählen Sie Datenbanken aus.",
  to: "Unter einem anderen Pfad",
  toHint: "Die Datei, zu der die Datenbank wird; ihr Ordner muss da sein. Leer heißt: wo sie war.",
  toWrong: "Es muss der absolute Pfad einer Datei ohne „..“ sein, etwa /srv/app/alt.db.",
  happens: [
    "Beenden Sie das Programm, das die Datenbanken verwendet. Ist zu sehen, dass eine geöffnet ist, schlägt das Wiederherstellen fehl und nichts wird geändert; bei Programmen anderer Benutzer ist das womöglich nicht zu sehen.",
    "Jede Datenbank entsteht neben ihrem Ort und wird dort geprüft: Sie muss unbeschädigt sein, und ihre Tabellen müssen so viele Zeilen haben wie in der Sicherung.",
    "Sie kommt an ihren Ort. Was dort war, bleibt daneben unter seinem Namen mit .before-… dahinter, bis Sie es löschen.",
    "Starten Sie das Programm wieder.",
  ],
  goHint:
    "Ein Probelauf schreibt nichts. Sein Protokoll sagt, welche Dateien ersetzt würden; er schlägt fehl, wenn ein Programm eine Datenbank geöffnet hat oder der Platz fehlt.",
  sure: (count) => `${count} ${plural(count, "Datenbank", "Datenbanken")} zurückholen?`,
  sureHint: (places) =>
    `Das Programm, das sie verwendet, muss beendet sein. Was jetzt dort ist, bleibt unter seinem Namen mit .before-… dahinter erhalten: ${places.join(", ")}`,
  would: "Datenbanken, die zurückkämen",
  did: "Zurückgeholte Datenbanken",
  rows: "Zeilen darin",
  compared: "Mit der Sicherung verglichene Zeilen",
  kept: "Was dort war, heißt nun",
};
