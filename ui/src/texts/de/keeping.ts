import type { keeping as En } from "../en/keeping";

const TIMES = {
  GLACIER: { expedited: "binnen 5 Minuten", standard: "binnen 5 Stunden", bulk: "binnen 12 Stunden" },
  DEEP_ARCHIVE: { expedited: "gibt es für diese Klasse nicht", standard: "binnen 12 Stunden", bulk: "binnen 48 Stunden" },
} as Record<string, Record<"expedited" | "standard" | "bulk", string>>;

export const keeping: typeof En = {
  title: "Speicherklasse, Sperre und Verschlüsselung",
  hint: "Für alles, was von nun an geschrieben wird. Was schon im Bucket liegt, bleibt, wie es ist.",
  class: "Speicherklasse",
  classHint: "Nur Datenpakete und Archive kommen dorthin. Ordner, Index und Snapshots bleiben, wo sie sofort lesbar sind; Sichern, Suchen und Prüfen gehen also weiter wie immer.",
  classes: {
    "": "Wie der Dienst es wählt",
    STANDARD_IA: "Selten gelesen (STANDARD_IA)",
    ONEZONE_IA: "Selten gelesen, eine Zone (ONEZONE_IA)",
    INTELLIGENT_TIERING: "Nach Nutzung (INTELLIGENT_TIERING)",
    GLACIER_IR: "Archiv, sofort lesbar (GLACIER_IR)",
    GLACIER: "Archiv (GLACIER)",
    DEEP_ARCHIVE: "Tiefes Archiv (DEEP_ARCHIVE)",
    other: "Eine andere Klasse",
  },
  other: "Name der Klasse",
  otherHint: "Wie der Dienst sie schreibt, in Großbuchstaben.",
  archive: "Was in dieser Klasse liegt, ist nicht sofort lesbar. Eine Wiederherstellung fordert an, was sie braucht, und wartet, bis es da ist; das kostet jedes Mal. Ziele, die Archive aufnehmen, können sie nicht verwenden.",
  thaw: "Wiederherstellungen dürfen zurückholen, was in einer Archivklasse liegt",
  thawHint: "Nötig, solange Pakete früherer Sicherungen in einer solchen Klasse liegen. Eine Wiederherstellung fordert sie an und wartet.",
  tier: "Wie schnell es zurückgeholt wird",
  tierHint: "Je schneller, desto teurer.",
  tiers: (name) => {
    const times = TIMES[name];
    const told = (tier: "standard" | "bulk" | "expedited", word: string) => (times ? `${word}, ${times[tier]}` : word);
    return { standard: told("standard", "Normal"), bulk: told("bulk", "Am günstigsten"), expedited: told("expedited", "Am schnellsten") };
  },
  thawDays: "Tage, die es danach lesbar ist",
  lock: "Objektsperre",
  locks: { "": "Keine", governance: "Gesperrt, mit Ausnahmen (governance)", compliance: "Für alle gesperrt (compliance)" },
  lockHints: {
    "": "Wer die Schlüssel hat, darf löschen, was gespeichert ist.",
    governance: "Nur wem der Dienst es erlaubt, der kann eine Sperre vor ihrer Zeit aufheben.",
    compliance: "Niemand kann eine Sperre vor ihrer Zeit aufheben, auch Sie und der Dienst nicht. Probieren Sie zuerst governance mit einem Tag.",
  },
  lockDays: "Dauer der Sperre in Tagen",
  lockDaysHint:
    "Vom Schreiben an. Eine Sperre lässt sich nicht verkürzen, und Gesperrtes kostet, bis sie endet. Der Bucket muss mit Objektsperre angelegt sein.",
  encryption: "Verschlüsselung durch den Dienst",
  encryptions: { "": "Wie der Dienst es wählt", aes256: "Mit Schlüsseln des Dienstes (AES256)", kms: "Mit einem Schlüssel seines Schlüsseldienstes (aws:kms)" },
  encryptionHints: {
    "": "Repositorys verschlüsselt Backstay in jedem Fall selbst.",
    aes256: "Neben der Verschlüsselung durch Backstay, wo eine Richtlinie es verlangt.",
    kms: "Der Zugangsschlüssel braucht das Recht, diesen Schlüssel zu verwenden, auch zum Lesen.",
  },
  key: "Schlüssel",
  keyHint: "Seine ID, sein Alias oder seine ARN. Leer lassen für den üblichen des Kontos.",
  daysWrong: "Eine ganze Zahl von 1 bis 36.500.",
  locked: (mode, days) => `${days} ${days === 1 ? "Tag" : "Tage"}, ${mode}`,
  thawed: "Zurückholen",
};
