import { Link } from "@tanstack/react-router";
import { RotateCcw } from "lucide-react";

import type { Run } from "../../api/queries";
import { useMay } from "../../api/roles";
import { ORIGINAL, searchOf, told } from "../../lib/restore";
import { momentIn } from "../../lib/format";
import { keptOf } from "../../lib/sqlite";
import { useSpeech } from "../../texts";
import { Card, buttonClass } from "../basics";
import { Facts, type Fact } from "../Facts";
import { Name } from "../Name";
import { IntoPlace } from "./IntoFacts";

/** What a restore was to do, and did. */
export function RestoreFacts({ run }: { run: Run }) {
  const { texts, language } = useSpeech();
  const { restore } = run;
  if (!restore) {
    return null;
  }
  const { paths = [] } = restore;
  const isTry = restore.dry_run === true;
  const title = isTry ? texts.restore.dryRun : texts.restore.title;
  const number = (name: string) => run.outcome && told(run, name).toLocaleString(language);
  if (restore.instance) {
    const facts: Fact[] = [
      [texts.restore.place, texts.mysql.inPlace],
      [isTry ? texts.restore.would : texts.restore.did, number("files")],
      [texts.mysql.tables, !isTry && number("tables_checked")],
    ];
    return (
      <Card title={title}>
        <Facts facts={facts} />
      </Card>
    );
  }
  const { into } = restore;
  if (into?.type === "mongodb") {
    const { include = [], existing = "refuse", users = false, databases = [], collections = [], until } = into;
    const renames = [...databases, ...collections];
    const words = texts.mongodb;
    const facts: Fact[] = [
      [texts.restore.place, <IntoPlace key="place" into={into} />],
      [texts.restore.what, include.length === 0 ? texts.restore.all : include.map((name) => <Name key={name} className="block">{name}</Name>)],
      [words.renames, renames.length > 0 && renames.map(({ from, to }) => <Name key={from} className="block">{`${from} → ${to}`}</Name>)],
      [words.until, until && momentIn(until, Intl.DateTimeFormat().resolvedOptions().timeZone, language, true)],
      [words.existing, words.modes[existing][0]],
      [words.intoUsers, users && words.yes],
      [words.restoredCollections, !isTry && number("collections")],
      [words.documents, !isTry && number("documents")],
      [words.compared, !isTry && number("verified")],
    ];
    return (
      <Card title={title}>
        <Facts facts={facts} />
      </Card>
    );
  }
  if (into?.type === "sqlite") {
    const { databases = [], to } = into;
    const words = texts.sqlite;
    const names = (paths: readonly string[]) => paths.map((path) => <Name key={path} className="block whitespace-pre-wrap">{path}</Name>);
    const kept = keptOf(run);
    const facts: Fact[] = [
      [texts.restore.place, to ? <Name key="to">{to}</Name> : words.inPlace],
      [texts.restore.what, databases.length === 0 ? texts.restore.all : names(databases)],
      [isTry ? words.would : words.did, number("databases")],
      [isTry ? words.rows : words.compared, number("rows")],
      [words.kept, kept.length > 0 && names(kept)],
    ];
    return (
      <Card title={title}>
        <Facts facts={facts} />
      </Card>
    );
  }
  const words = texts.bucket;
  const counts: Fact[] = into
    ? [
        [texts.restore.would, isTry && number("files")],
        [words.written, !isTry && number("written")],
        [words.unchanged, !isTry && number("unchanged")],
        [words.replaced, !isTry && number("replaced")],
        [words.compared, !isTry && number("verified")],
        [words.deleted, !isTry && number("deleted")],
        [isTry ? texts.restore.wouldSkip : words.skipped, number("skipped")],
      ]
    : [
        [isTry ? texts.restore.would : texts.restore.did, number("files")],
        [texts.restore.reread, !isTry && number("verified")],
        [isTry ? texts.restore.wouldSkip : texts.restore.didSkip, number("skipped")],
        [isTry ? texts.restore.wouldDelete : texts.restore.didDelete, number("deleted")],
      ];
  const mode = restore.overwrite ?? "always";
  const facts: Fact[] = [
    into ? [texts.restore.place, <IntoPlace key="place" into={into} />] : [texts.restore.place, restore.target === ORIGINAL ? texts.restore.original : <Name>{restore.target}</Name>],
    [
      texts.restore.what,
      paths.length === 0 ? texts.restore.all : paths.map((path) => <Name key={path} className="block whitespace-pre-wrap">{path}</Name>),
    ],
    into
      ? [words.overwrite, words.modes[mode === "if_changed" ? "always" : mode][0]]
      : [texts.restore.overwrite, texts.restore.modes[mode][0]],
    [texts.restore.delete, restore.delete === true && texts.restore.yes],
    ...counts,
  ];
  return (
    <Card title={title}>
      <Facts facts={facts} />
    </Card>
  );
}

/** Where what was to be restored is damaged: leads to the same restore of what is offered instead. */
export function RestoreInstead({ run }: { run: Run }) {
  const { texts } = useSpeech();
  const search = searchOf(run);
  const instead = run.error?.instead;
  return (
    useMay("restore", run.project) &&
    search &&
    instead && (
      <Link to="/restore" search={{ ...search, snapshot: instead }} className={buttonClass("accent")}>
        <RotateCcw aria-hidden size={16} />
        {texts.restore.instead}
      </Link>
    )
  );
}

/** Leads to the form that a restore was begun with. */
export function RestoreAgain({ run }: { run: Run }) {
  const { texts } = useSpeech();
  const search = searchOf(run);
  return (
    search && (
      <Link to="/restore" search={search} className={buttonClass()}>
        <RotateCcw aria-hidden size={16} />
        {run.restore?.dry_run === true ? texts.restore.forReal : texts.restore.again}
      </Link>
    )
  );
}
