import { Link } from "@tanstack/react-router";
import { ArrowDown, ArrowUp, File, Folder, FileSymlink, FileQuestion } from "lucide-react";
import { memo } from "react";

import { ORDERS, type Item, type Order } from "../../lib/folder";
import { moment, size } from "../../lib/format";
import { useSpeech } from "../../texts";
import { Name } from "../Name";

const GRID = "grid grid-cols-[2.25rem_1fr_6rem] items-center gap-x-2 px-2 md:grid-cols-[2.25rem_1fr_7rem_12rem]";
const SIGNS = { folder: Folder, file: File, link: FileSymlink, other: FileQuestion };

type HeadProps = { sort: Order; down: boolean; sortBy: (order: Order) => void };

/** The heads of the columns; each sorts by its own. */
export function ItemHeads({ sort, down, sortBy }: HeadProps) {
  const { texts } = useSpeech();
  const names = { name: texts.form.name, size: texts.runs.size, modified: texts.snapshots.modified };
  return (
    <div role="rowgroup" className="sticky top-0 z-10 border-b border-line bg-card text-xs text-faint">
      <div role="row" aria-rowindex={1} className={GRID}>
        <span role="columnheader">
          <span className="sr-only">{texts.snapshots.choose}</span>
        </span>
        {ORDERS.map((order) => (
          <span
            key={order}
            role="columnheader"
            aria-sort={order !== sort ? "none" : down ? "descending" : "ascending"}
            className={order === "modified" ? "max-md:sr-only" : order === "size" ? "text-right" : ""}
          >
            <button
              type="button"
              onClick={() => sortBy(order)}
              className="-mx-1 inline-flex min-h-8 items-center gap-1 px-1 font-semibold hover:text-text"
            >
              {names[order]}
              {order === sort && (down ? <ArrowDown aria-hidden size={12} /> : <ArrowUp aria-hidden size={12} />)}
            </button>
          </span>
        ))}
      </div>
    </div>
  );
}

type Props = {
  /** Nothing as long as it is not here. */
  item: Item | undefined;
  path: string;
  index: number;
  isActive: boolean;
  tick: "ticked" | "covered" | "free" | "none";
};

/** An item of a folder. Its parts are no stops of the keyboard: the list as a whole is, and hears what is done to them. */
export const ItemRow = memo(function ItemRow({ item, path, index, isActive, tick }: Props) {
  const { texts, language } = useSpeech();
  if (!item) {
    return (
      <div id={`item-${index}`} role="row" aria-rowindex={index + 2} aria-busy className={`${GRID} h-9 border-b border-line`}>
        <span role="gridcell" className="col-start-2 text-faint">
          …
        </span>
      </div>
    );
  }
  const Sign = SIGNS[item.kind];
  const isTicked = tick === "ticked" || tick === "covered";
  return (
    <div
      id={`item-${index}`}
      role="row"
      aria-rowindex={index + 2}
      aria-selected={isTicked}
      className={`${GRID} min-h-9 border-b border-line hover:bg-raised ${isTicked ? "bg-raised" : ""} ${
        isActive ? "group-focus-visible:shadow-[inset_3px_0_0_var(--color-accent)]" : ""
      }`}
    >
      <span role="gridcell">
        {tick !== "none" && (
          <label className="grid size-8 place-items-center" title={tick === "covered" ? texts.snapshots.covered : undefined}>
            <input
              type="checkbox"
              tabIndex={-1}
              className="size-4 accent-accent"
              checked={isTicked}
              disabled={tick === "covered"}
              aria-label={texts.snapshots.chooseItem(item.name)}
              readOnly
            />
          </label>
        )}
      </span>
      <span role="gridcell" className="flex min-w-0 items-center gap-2">
        <Sign aria-hidden size={16} className={`shrink-0 ${item.kind === "folder" ? "text-accent" : "text-faint"}`} />
        {item.kind === "folder" ? (
          <Link
            from="/snapshots/$repository/$snapshot"
            to="."
            search={({ filter: _, ...before }) => ({ ...before, path })}
            resetScroll={false}
            tabIndex={-1}
            className="min-w-0 py-1 wrap-anywhere text-accent hover:underline"
          >
            <Name>{item.name}</Name>
          </Link>
        ) : (
          <button type="button" tabIndex={-1} className="min-w-0 py-1 text-start wrap-anywhere hover:underline">
            <Name>{item.name}</Name>
          </button>
        )}
      </span>
      <span role="gridcell" className="text-right tabular-nums">
        {item.size == null ? "" : size(item.size, language)}
      </span>
      <span role="gridcell" className="whitespace-nowrap text-faint tabular-nums max-md:sr-only">
        {item.modified ? moment(item.modified, language) : ""}
      </span>
    </div>
  );
});
