import { Check, ChevronDown, ChevronRight, File, Folder, Link2, Minus } from "lucide-react";

import type { Row } from "../lib/folderRows";
import { size } from "../lib/format";
import { isCovered, isText } from "../lib/paths";
import { useSpeech } from "../texts";
import { shown } from "../lib/shown";

type Props = {
  id: string;
  row: Row;
  /** Whether folders are only ways to files, and not ticked themselves. */
  isOnlyFiles: boolean;
  isOpen: boolean;
  isActive: boolean;
  /** The paths that are ticked. */
  marks: ReadonlySet<string>;
  turn: () => void;
  tick: () => void;
  go: () => void;
};

const SIGNS = { folder: Folder, file: File, link: Link2, other: File };

/** An item of a folder: what it is, whether it is ticked, and the way into it. */
export function FolderRow({ id, row, isOnlyFiles, isOpen, isActive, marks, turn, tick, go }: Props) {
  const { texts, language } = useSpeech();
  const words = texts.records.tree;
  const indent = { paddingInlineStart: `${(row.level - 1) * 20 + 4}px` };
  if (row.kind !== "item") {
    const text = row.kind === "failed" ? row.text : words[row.kind];
    return (
      <div
        role="treeitem"
        aria-level={row.level + 1}
        aria-disabled
        style={{ paddingInlineStart: `${row.level * 20 + 8}px` }}
        title={text}
        className={`flex h-8 items-center ${row.kind === "failed" ? "text-bad" : "text-faint"}`}
      >
        <span className="truncate">{text}</span>
      </div>
    );
  }
  const { item, path } = row;
  const covered = isCovered(path, marks);
  const checked = covered || marks.has(path);
  const partly = !checked && item.kind === "folder" && [...marks].some((mark) => mark.startsWith(`${path}/`));
  const isTicked = item.kind !== "folder" || !isOnlyFiles;
  const Sign = SIGNS[item.kind];
  const Turn = isOpen ? ChevronDown : ChevronRight;
  return (
    <div
      id={id}
      role="treeitem"
      aria-level={row.level}
      aria-posinset={row.place}
      aria-setsize={row.siblings.length}
      {...(isTicked && { "aria-checked": partly ? ("mixed" as const) : checked })}
      aria-label={shown(item.name)}
      {...(item.kind === "folder" && { "aria-expanded": isOpen })}
      {...((covered || !isText(item.name)) && { "aria-disabled": true })}
      title={covered ? words.covered : isText(item.name) ? undefined : words.noText}
      style={indent}
      onClick={go}
      className={`flex h-8 cursor-default items-center gap-1 pe-3 hover:bg-raised ${
        isActive ? "bg-raised group-focus-visible:outline-2 group-focus-visible:-outline-offset-2 group-focus-visible:outline-accent" : ""
      }`}
    >
      <span
        aria-hidden
        className="flex size-6 shrink-0 items-center justify-center"
        onClick={item.kind === "folder" ? turn : undefined}
      >
        {item.kind === "folder" && <Turn size={16} />}
      </span>
      {isTicked && (
        <span aria-hidden className="flex size-6 shrink-0 items-center justify-center" onClick={tick}>
          <span
            className={`flex size-4 items-center justify-center rounded-sm border ${
              checked || partly ? "border-accent bg-accent text-on-accent" : "border-edge bg-card"
            } ${covered ? "opacity-60" : ""}`}
          >
            {checked && <Check size={12} />}
            {partly && <Minus size={12} />}
          </span>
        </span>
      )}
      <Sign aria-hidden size={16} className="mx-1 shrink-0 text-faint" />
      <bdi className="min-w-0 grow truncate whitespace-pre" onDoubleClick={item.kind === "folder" ? turn : tick}>
        {shown(item.name)}
      </bdi>
      {item.kind === "file" && typeof item.size === "number" && (
        <span className="shrink-0 text-xs text-faint tabular-nums">{size(item.size, language)}</span>
      )}
    </div>
  );
}
