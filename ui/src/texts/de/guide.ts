import type { guide as En } from "../en/guide";

export const guide: typeof En = {
  recovery: {
    title: "Notfallmappe",
    hint:
      "Eine Seite mit den Orten und Passwörtern Ihrer Sicherungen, und wie Sie daraus wiederherstellen, wenn dieser Server nicht mehr da " +
      "ist. Drucken Sie sie aus oder verwahren Sie sie in einem Passwortmanager. Wer sie hat und den Speicher erreicht, kann alle Sicherungen lesen.",
    nobody: "Nur Eigentümer eines Projekts können seine Notfallmappe herunterladen",
    nothing: "Es gibt noch nichts wiederherzustellen: Es wurde noch nichts gesichert.",
    never: "Noch wurde keine Mappe heruntergeladen. Geht dieser Server jetzt verloren, kann niemand seine Sicherungen öffnen.",
    stale: "Die Mappe ist veraltet: Seither wurde an einem neuen Ort gesichert.",
    good: "Die Mappe öffnet alle Sicherungen.",
    issued: "Zuletzt heruntergeladen",
    download: "Notfallmappe herunterladen",
    missing: "Noch wurde keine Notfallmappe heruntergeladen",
    outdated: "Die Notfallmappe ist veraltet",
  },
};
