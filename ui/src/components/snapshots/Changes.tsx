import { Link } from "@tanstack/react-router";
import { FilePen, FilePlus2, FileX2, Replace } from "lucide-react";
import { useState } from "react";

import type { Schemas } from "../../api/client";
import type { Comparison } from "../../api/snapshots";
import { size } from "../../lib/format";
import { folderOf } from "../../lib/paths";
import { useSpeech } from "../../texts";
import { Empty } from "../basics";
import { VirtualRows } from "../VirtualRows";
import { Name } from "../Name";

type ItemChange = Schemas["ItemChange"];

const SIGNS = {
  added: [FilePlus2, "text-good"],
  removed: [FileX2, "text-bad"],
  content: [FilePen, "text-accent"],
  kind: [Replace, "text-warn"],
} as const satisfies Record<ItemChange["change"], unknown>;

type Props = { comparison: Comparison; repository: string; from: string; to: string };

/** What changed, item by item. */
export function Changes({ comparison, repository, from, to }: Props) {
  const { texts } = useSpeech();
  const [box, setBox] = useState<HTMLElement | null>(null);
  const { changes, truncated } = comparison;
  if (changes.length === 0) {
    return <Empty title={texts.snapshots.noChange} />;
  }
  return (
    <section aria-label={texts.snapshots.changes}>
      <p role="status" className="mb-2 text-sm text-faint">
        {truncated ? texts.snapshots.firstChanges(changes.length) : texts.snapshots.allChanges(changes.length)}
      </p>
      <div
        ref={setBox}
        role="list"
        aria-label={texts.snapshots.changes}
        className="max-h-[70vh] overflow-auto rounded-lg border border-line bg-card text-sm"
      >
        <VirtualRows
          box={box}
          count={changes.length}
          height={37}
          row={(index) => {
            const change = changes[index];
            return change && <OneChange change={change} repository={repository} from={from} to={to} />;
          }}
        />
      </div>
    </section>
  );
}

type OneProps = { change: ItemChange; repository: string; from: string; to: string };

function OneChange({ change: { path, kind, change, before, after }, repository, from, to }: OneProps) {
  const { texts, language } = useSpeech();
  const [Sign, colour] = SIGNS[change];
  const sizes = [before, after].filter((bytes) => bytes != null).map((bytes) => size(bytes, language));
  return (
    <div role="listitem" className="flex items-start gap-3 border-b border-line px-4 py-2 hover:bg-raised">
      <Sign aria-hidden size={16} className={`mt-0.5 shrink-0 ${colour}`} />
      <span className="sr-only">{texts.snapshots.change[change]}</span>
      <Link
        to="/snapshots/$repository/$snapshot"
        params={{ repository, snapshot: change === "removed" ? from : to }}
        search={kind === "folder" ? { path } : { path: folderOf(path), file: path }}
        className="min-w-0 grow wrap-anywhere text-accent hover:underline"
      >
        <Name>{path}</Name>
      </Link>
      <span className="shrink-0 text-faint tabular-nums">{sizes.join(" → ")}</span>
    </div>
  );
}
