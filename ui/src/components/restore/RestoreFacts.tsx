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
  const number = (name: string) => run.outcome && told(run, name).toLocaleString(language);
  const facts: Fact[] = [
    [texts.restore.place, restore.target === ORIGINAL ? texts.restore.original : <Name>{restore.target}</Name>],
    [
      texts.restore.what,
      paths.length === 0 ? texts.restore.all : paths.map((path) => <Name key={path} className="block whitespace-pre-wrap">{path}</Name>),
    ],
    [texts.restore.overwrite, texts.restore.modes[restore.overwrite ?? "always"][0]],
    [texts.restore.delete, restore.delete === true && texts.restore.yes],
    [restore.dry_run === true ? texts.restore.would : texts.restore.did, number("files")],
    [texts.restore.reread, restore.dry_run !== true && number("verified")],
    [restore.dry_run === true ? texts.restore.wouldSkip : texts.restore.didSkip, number("skipped")],
    [restore.dry_run === true ? texts.restore.wouldDelete : texts.restore.didDelete, number("deleted")],
  ];
  return (
    <Card title={restore.dry_run === true ? texts.restore.dryRun : texts.restore.title}>
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
