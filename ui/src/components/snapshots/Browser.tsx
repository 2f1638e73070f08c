// A folder of a snapshot. The list is one stop of the keyboard: arrows go from item to item, Enter opens, Backspace goes up,
// the space bar ticks.

import { getRouteApi } from "@tanstack/react-router";
import { FolderDown } from "lucide-react";
import { useMemo, useState } from "react";

import { zipAddress } from "../../api/contents";
import { useFolder } from "../../api/useFolder";
import { listKeys } from "../../lib/listKeys";
import { folderOf, inside, isCovered, nameOf, ticked } from "../../lib/paths";
import type { BrowseSearch } from "../../lib/snapshotSearch";
import { useTyped } from "../../lib/useTyped";
import { useSpeech } from "../../texts";
import { Failure, Field, buttonClass, inputClass } from "../basics";
import { VirtualRows } from "../VirtualRows";
import { Crumbs } from "./Crumbs";
import { ItemHeads, ItemRow } from "./ItemRow";

const route = getRouteApi("/snapshots/$repository/$snapshot");

type Props = { search: BrowseSearch; canRestore: boolean };
const NONE: readonly string[] = [];
/** Where one is. What is pointed at is in sight, and stays where it is under the pointer. */
type At = { path: string; index: number; name: string; isPointed?: boolean };

export function Browser({ search, canRestore }: Props) {
  const { texts, language } = useSpeech();
  const { repository, snapshot } = route.useParams();
  const navigate = route.useNavigate();
  const { path = "/", sort = "name", down = false, filter = "", chosen = NONE } = search;
  const marks = useMemo(() => new Set(chosen), [chosen]);
  const asked = useMemo(() => ({ path, sort, descending: down, name: filter }), [path, sort, down, filter]);
  const folder = useFolder(repository, snapshot, asked);
  const [at, setAt] = useState<At>({ path, index: 0, name: "" });
  const [box, setBox] = useState<HTMLDivElement | null>(null);
  const [typed, setTyped] = useTyped(filter, (text) =>
    void navigate({
      search: ({ filter: _, ...before }) => ({ ...before, ...(text && { filter: text }) }),
      replace: true,
      resetScroll: false,
    }),
  );

  // Where one comes up from a folder, that is where one is.
  const named = at.path === path && at.name !== "" ? folder.find(at.name) : -1;
  const active = Math.min(Math.max(0, folder.total - 1), named >= 0 ? named : at.path === path ? at.index : 0);
  const open = (to: string, name = "") => {
    setAt({ path: to, index: 0, name });
    void navigate({ search: ({ filter: _, ...before }) => ({ ...before, path: to }), resetScroll: false });
  };
  const show = (name: string) =>
    void navigate({ search: (before) => ({ ...before, file: inside(path, name) }), resetScroll: false });
  const tick = (name: string) => {
    const one = inside(path, name);
    if (canRestore && !isCovered(one, marks)) {
      const { chosen: _, ...others } = search;
      const after = ticked(chosen, one, !marks.has(one));
      void navigate({ search: { ...others, ...(after.length > 0 && { chosen: after }) }, replace: true, resetScroll: false });
    }
  };
  const placeOf = (target: EventTarget) =>
    target instanceof Element ? Number(target.closest("[data-index]")?.getAttribute("data-index") ?? -1) : -1;
  const item = folder.item(active);
  const keys = listKeys({
    count: folder.total,
    active,
    move: (index) => setAt({ path, index, name: "" }),
    open: () => item && (item.kind === "folder" ? open(inside(path, item.name)) : show(item.name)),
    up: () => path !== "/" && open(folderOf(path), nameOf(path)),
    tick: () => item && tick(item.name),
  });

  return (
    <section aria-label={texts.snapshots.content} className="rounded-lg border border-line bg-card">
      <header className="flex flex-wrap items-end justify-between gap-3 border-b border-line p-3">
        <Crumbs path={path} open={open} />
        <span className="flex flex-wrap items-end gap-2">
          <Field label={texts.snapshots.filter}>
            <input type="search" className={`${inputClass} sm:w-56`} value={typed} onChange={({ target }) => setTyped(target.value)} />
          </Field>
          {canRestore && (
            <a download href={zipAddress(repository, snapshot, [path])} className={buttonClass()} title={texts.snapshots.zipHint}>
              <FolderDown aria-hidden size={16} />
              {texts.snapshots.zip}
            </a>
          )}
        </span>
      </header>
      {folder.error !== null && <Failure error={folder.error} again={folder.again} />}
      {folder.error === null && (
        <div
          ref={setBox}
          role="grid"
          aria-label={texts.snapshots.folder(path)}
          aria-rowcount={folder.total + 1}
          aria-multiselectable
          aria-busy={folder.isPending}
          tabIndex={0}
          {...(folder.total > 0 && { "aria-activedescendant": `item-${active}` })}
          onKeyDown={keys}
          onPointerDown={({ target }) => {
            const index = placeOf(target);
            return index >= 0 && setAt({ path, index, name: "", isPointed: true });
          }}
          onClick={({ target }) => {
            const clicked = folder.item(placeOf(target));
            if (clicked && target instanceof HTMLInputElement) {
              tick(clicked.name);
            } else if (clicked && target instanceof Element && target.closest("button")) {
              show(clicked.name);
            }
          }}
          className="group h-[min(36rem,65vh)] overflow-auto text-sm focus-visible:-outline-offset-2"
        >
          <ItemHeads
            sort={sort}
            down={down}
            sortBy={(order) =>
              void navigate({
                search: (before) => ({ ...before, sort: order, down: sort === order && !down }),
                replace: true,
                resetScroll: false,
              })
            }
          />
          {folder.total === 0 && (
            <div role="row" className="p-6 text-center text-faint">
              <span role="gridcell">
                {folder.isPending ? texts.loading : filter === "" ? texts.snapshots.emptyFolder : texts.snapshots.noItem}
              </span>
            </div>
          )}
          <div role="rowgroup">
            <VirtualRows
              key={path}
              box={box}
              count={folder.total}
              height={36}
              {...(at.isPointed !== true && { focus: active })}
              see={folder.see}
              row={(index) => {
                const item = folder.item(index);
                const one = item && inside(path, item.name);
                return (
                  <ItemRow
                    item={item}
                    index={index}
                    isActive={index === active}
                    tick={
                      !canRestore || one === undefined
                        ? "none"
                        : marks.has(one)
                          ? "ticked"
                          : isCovered(one, marks)
                            ? "covered"
                            : "free"
                    }
                    path={one ?? path}
                  />
                );
              }}
            />
          </div>
        </div>
      )}
      <p role="status" className="border-t border-line px-3 py-1.5 text-xs text-faint tabular-nums">
        {!folder.isPending && texts.snapshots.items(folder.total, folder.total.toLocaleString(language))}
      </p>
    </section>
  );
}
