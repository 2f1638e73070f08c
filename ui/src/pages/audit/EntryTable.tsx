import { useQuery } from "@tanstack/react-query";
import { ChevronDown, ChevronRight } from "lucide-react";
import { Fragment } from "react";

import { me } from "../../api/queries";
import { nameOf, type Entry } from "../../lib/audit";
import { differences } from "../../lib/diff";
import { moment } from "../../lib/format";
import { useSpeech } from "../../texts";
import { deedOf } from "./deed";
import { Name } from "../../components/Name";

const CELL = "px-3 py-2 align-top max-lg:py-0.5";

type Props = {
  entries: Entry[];
  open: number | undefined;
  show: (number: number | undefined) => void;
  choose: (change: { actor?: string }) => void;
};

/** Entries, the newest first; each opens to what changed. */
export function EntryTable({ entries, open, show, choose }: Props) {
  const { texts, language } = useSpeech();
  const words = texts.people.audit;
  const heads = [words.action, words.subject, words.actor, words.time];
  return (
    <div className="rounded-lg border border-line bg-card lg:overflow-x-auto">
      <table className="w-full text-sm max-lg:block">
        <thead className="border-b border-line text-left text-xs text-faint max-lg:sr-only">
          <tr>
            {heads.map((head) => (
              <th key={head} scope="col" className={`${CELL} font-semibold`}>
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className="divide-y divide-line max-lg:block">
          {entries.map((entry) => {
            const isOpen = entry.number === open;
            const Sign = isOpen ? ChevronDown : ChevronRight;
            return (
              <Fragment key={entry.number}>
                <tr className="hover:bg-raised max-lg:block max-lg:py-2">
                  <td className={`${CELL} max-lg:block`}>
                    <button
                      type="button"
                      aria-expanded={isOpen}
                      className="flex min-h-6 items-start gap-1 text-left font-semibold text-accent hover:underline"
                      onClick={() => show(isOpen ? undefined : entry.number)}
                    >
                      <Sign aria-hidden size={16} className="mt-0.5 shrink-0" />
                      {deedOf(entry.action, texts)}
                    </button>
                  </td>
                  <td className={`${CELL} wrap-anywhere max-lg:block`} title={entry.subject}>
                    <Name>{nameOf(entry)}</Name>
                  </td>
                  <td className={`${CELL} text-faint max-lg:inline-block max-lg:text-xs lg:min-w-44`}>
                    <button
                      type="button"
                      title={words.onlyBy}
                      className="flex min-h-6 items-start text-left wrap-anywhere hover:underline"
                      onClick={() => choose({ actor: entry.actor })}
                    >
                      {entry.actor}
                    </button>
                  </td>
                  <td className={`${CELL} whitespace-nowrap text-faint tabular-nums max-lg:inline-block max-lg:text-xs`}>
                    <time dateTime={entry.time}>{moment(entry.time, language)}</time>
                  </td>
                </tr>
                {isOpen && (
                  <tr className="bg-ground max-lg:block">
                    <td colSpan={heads.length} className="px-3 py-3 max-lg:block">
                      <Details entry={entry} />
                    </td>
                  </tr>
                )}
              </Fragment>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function Details({ entry }: { entry: Entry }) {
  const { texts } = useSpeech();
  const words = texts.people.audit;
  const { data } = useQuery(me());
  const changes = differences(entry.before, entry.after);
  const project = data?.roles.find((role) => role.project === entry.project)?.name ?? entry.project;
  const facts: [string, string | null | undefined][] = [
    [words.number, String(entry.number)],
    [words.what, entry.subject],
    [texts.form.project, project],
    [words.address, entry.address],
    [words.code, entry.action],
    [words.hash, entry.hash],
  ];
  return (
    <div className="flex flex-col gap-3">
      {changes.length > 0 && (
        <div className="overflow-x-auto" tabIndex={0} role="region" aria-label={words.changes}>
          <table className="w-full text-xs">
            <thead className="text-left text-faint">
              <tr>
                {[words.field, words.before, words.after].map((head) => (
                  <th key={head} scope="col" className="py-1 pr-4 font-semibold">
                    {head}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody className="font-mono">
              {changes.map(({ path, before, after }) => (
                <tr key={path} className="border-t border-line align-top">
                  <th scope="row" className="py-1 pr-4 text-left font-normal wrap-anywhere">
                    {path || words.outcome}
                  </th>
                  <td className="py-1 pr-4 whitespace-pre-wrap wrap-anywhere text-bad">{before ?? "–"}</td>
                  <td className="py-1 whitespace-pre-wrap wrap-anywhere text-good">{after ?? "–"}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <dl className="grid gap-x-6 gap-y-2 text-xs sm:grid-cols-2">
        {facts.map(
          ([name, value]) =>
            value && (
              <div key={name} className="min-w-0">
                <dt className="text-faint">{name}</dt>
                <dd className="wrap-anywhere">{value}</dd>
              </div>
            ),
        )}
      </dl>
    </div>
  );
}
