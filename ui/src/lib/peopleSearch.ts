// What stands behind the `?` of the addresses of people and settings.

import { KINDS, type Kind } from "./notifier";

const text = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" && value.length <= 200 ? value : undefined;

export type PeopleSearch = { name?: string };

/** Whose name or address is looked for. */
export function peopleSearch(search: Record<string, unknown>): PeopleSearch {
  const name = text(search.name);
  return name === undefined ? {} : { name };
}

export type ProjectsSearch = { edit?: string };

export function projectsSearch(search: Record<string, unknown>): ProjectsSearch {
  const edit = text(search.edit);
  return edit === undefined ? {} : { edit };
}

const DAY = /^\d{4}-\d{2}-\d{2}$/;

const day = (value: unknown): string | undefined =>
  typeof value === "string" && DAY.test(value) && !Number.isNaN(Date.parse(value)) ? value : undefined;

const number = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isSafeInteger(value) && value > 0 ? value : undefined;

export type AuditSearch = {
  actor?: string;
  action?: string;
  since?: string;
  until?: string;
  /** Entries below this number are shown. */
  cursor?: number;
  /** The entry that is open. */
  entry?: number;
};

/** What is shown of the audit. */
export function auditSearch(search: Record<string, unknown>): AuditSearch {
  const [actor, action] = [text(search.actor), text(search.action)];
  const [since, until] = [day(search.since), day(search.until)];
  const [cursor, entry] = [number(search.cursor), number(search.entry)];
  return {
    ...(actor !== undefined && { actor }),
    ...(action !== undefined && { action }),
    ...(since !== undefined && { since }),
    ...(until !== undefined && { until }),
    ...(cursor !== undefined && { cursor }),
    ...(entry !== undefined && { entry }),
  };
}

export type ClientSearch = { after?: string };

/** The file that a page of a client's files follows. */
export function clientSearch({ after }: Record<string, unknown>): ClientSearch {
  // A name that is a number is read as one.
  const name = typeof after === "number" ? String(after) : after;
  return typeof name === "string" && name !== "" && name.length <= 4096 ? { after: name } : {};
}

export type NotifierSearch = { type?: Kind };

/** Which kind of notifier is made. */
export function notifierSearch(search: Record<string, unknown>): NotifierSearch {
  const type = KINDS.find((kind) => kind === search.type);
  return type === undefined ? {} : { type };
}
