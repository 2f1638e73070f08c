import type { people as En } from "../en/people";
import { account } from "./account";

export const people: typeof En = {
  account,
  roles: { viewer: "Betrachter", operator: "Operator", admin: "Admin", owner: "Eigentümer" },
  roleHints: {
    viewer: "sieht Namen und Zustände",
    operator: "startet und steuert Läufe, sieht in Sicherungen, stellt wieder her",
    admin: "ändert auch Pläne, Verbindungen, Quellen, Ziele und Knoten",
    owner: "verwaltet auch Personen, Schlüssel, Hooks und das Projekt selbst",
  },
  saved: "Gespeichert.",
  actions: "Aktionen",
  allProjects: "Alle Projekte",
  idle: {
    title: "Sind Sie noch da?",
    hint: (left) => `Sie werden in ${left} abgemeldet, weil hier eine Weile nichts getan wurde.`,
    stay: "Angemeldet bleiben",
    leave: "Jetzt abmelden",
    over: "Sie wurden abgemeldet",
    overHint: (length) => `Hier wurde ${length} lang nichts getan. Melden Sie sich an, um dort weiterzumachen, wo Sie waren.`,
    signIn: "Anmelden",
  },
};
