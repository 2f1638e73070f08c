import { Link } from "@tanstack/react-router";
import { RotateCcw } from "lucide-react";

import type { Run } from "../../api/queries";
import { ORIGINAL, searchOf, told } from "../../lib/restore";
import { useSpeech } from "../../texts";
import { Card, buttonClass } from "../basics";
import { Facts, type Fact } from "../Facts";
import { Name } from "../Name";

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
  const facts: Fact[] = [
    [texts.restore.place, restore.target === ORIGINAL ? texts.restore.original : <Name>{restore.target}</Name>],
    [
      texts.restore.what,
      paths.length === 0 ? texts.restore.all : paths.map((path) => <Name key={path} className="block whitespace-pre-wrap">{path}</Name>),
    ],
    [texts.restore.overwrite, texts.restore.modes[restore.overwrite ?? "always"][0]],
    [texts.restore.delete, restore.delete === true && texts.restore.yes],
    [isTry ? texts.restore.would : texts.restore.did, number("files")],
    [texts.restore.reread, !isTry && number("verified")],
    [isTry ? texts.restore.wouldSkip : texts.restore.didSkip, number("skipped")],
    [isTry ? texts.restore.wouldDelete : texts.restore.didDelete, number("deleted")],
  ];
  return (
    <Card title={title}>
      <Facts facts={facts} />
    </Card>
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
