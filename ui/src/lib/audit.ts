// Entries of the audit as people read, filter and keep them.

import { answer, api, type Schemas } from "../api/client";
import { csv } from "./csv";

export type Entry = Schemas["AuditEntry"];

/** What entries are chosen by; the same words as in the address of the page. */
export type AuditFilter = { project?: string | undefined; actor?: string; action?: string; since?: string; until?: string };

/** What is written down, as the server names it. */
export const ACTIONS = [
  "connection.create connection.update connection.delete connection.check connection.sign_in",
  "destination.create destination.update destination.delete",
  "member.set member.remove",
  "node.join node.update node.revoke node.delete node.browse node.token_create node.token_delete",
  "notifier.create notifier.update notifier.delete notifier.test",
  "passkey.create passkey.delete",
  "person.create person.update person.delete person.password person.password_link person.password_reset",
  "person.totp_on person.totp_off person.link person.unlink",
  "plan.create plan.update plan.delete plan.enable plan.disable plan.clone plan.revert plan.run",
  "project.create project.update project.delete",
  "receiver_client.create receiver_client.update receiver_client.renew_token receiver_client.delete",
  "repository.adopt repository.delete repository.reveal_key",
  "restore.create",
  "run.pause run.resume run.cancel run.read_log run.search_log",
  "server.setup",
  "session.sign_in session.sign_out session.end",
  "settings.update settings.delete settings.test settings.retention settings.connection_checks",
  "snapshot.list snapshot.browse",
  "source.create source.update source.delete",
  "token.create token.delete",
  "vault.rotate",
].flatMap((line) => line.split(" "));

const SUBJECT = /^[a-z ]+ [0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12} (?<name>.+)$/s;

/** The name of what an entry is about; its whole subject where it has none. */
export const nameOf = ({ subject }: Entry): string => SUBJECT.exec(subject)?.groups?.name ?? subject;

/** A filter as the server takes it: days are whole, in the person's own zone. */
export function asked({ since, until, ...filter }: AuditFilter) {
  const day = (text: string, later: number) => {
    const date = new Date(`${text}T00:00:00`);
    date.setDate(date.getDate() + later);
    return date.toISOString();
  };
  const given = Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined));
  return { ...given, ...(since && { since: day(since, 0) }), ...(until && { until: day(until, 1) }) };
}

const AT_ONCE = 500;

/** All entries that a filter lets through, page after page, the newest first. */
export async function allEntries(filter: AuditFilter, tell: (count: number) => void): Promise<Entry[]> {
  const found: Entry[] = [];
  let cursor: number | null | undefined;
  do {
    const query = { ...asked(filter), limit: AT_ONCE, ...(typeof cursor === "number" && { cursor }) };
    const page = await answer(api.GET("/api/v1/audit", { params: { query } }));
    found.push(...page.items);
    tell(found.length);
    cursor = page.next;
  } while (typeof cursor === "number");
  return found;
}

const COLUMNS = ["number", "time", "project", "actor", "action", "subject", "address", "before", "after", "hash"] as const;

export function asCsv(entries: readonly Entry[]): string {
  const text = (value: unknown) =>
    value === undefined || value === null ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
  return csv([COLUMNS, ...entries.map((entry) => COLUMNS.map((column) => text(entry[column])))]);
}
