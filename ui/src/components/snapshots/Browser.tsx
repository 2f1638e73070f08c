// A folder of a snapshot. The list is one stop of the keyboard: arrows go from item to item, Enter opens, Backspace goes up,
// the space bar ticks.

import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useMemo, useState } from "react";

import { folder } from "../../api/snapshots";
import { MOST_ITEMS, arranged } from "../../lib/folder";
import { listKeys } from "../../lib/listKeys";
import { above, inside, isCovered, nameOf, toggled } from "../../lib/paths";
import type { BrowseSearch } from "../../lib/snapshotSearch";
import { useTyped } from "../../lib/useTyped";
import { useSpeech } from "../../texts";
import { Failure, Field, inputClass } from "../basics";
import { VirtualRows } from "../VirtualRows";
import { Crumbs } from "./Crumbs";
import { ItemHeads, ItemRow } from "./ItemRow";

const route = getRouteApi("/snapshots/$repository/$snapshot");

type Props = { search: BrowseSearch; canRestore: boolean };

export function Browser({ search, canRestore }: Props) {
  const { texts, language } = useSpeech();
  const { repository, snapshot } = route.useParams();
  const navigate = route.useNavigate();
  const { path = "/", sort = "name", down = false, filter = "", chosen = [] } = search;
  const query = useQuery(folder(repository, snapshot, path));
  const items = useMemo(() => arranged(query.data ?? [], sort, down, filter), [query.data, sort, down, filter]);
  const [at, setAt] = useState({ path, name: "" });
  const [box, setBox] = useState<HTMLDivElement | null>(null);
  const change = (change: Partial<BrowseSearch>) =>
    void navigate({ search: (before) => ({ ...before, ...change }), replace: true, resetScroll: false });
  const [typed, setTyped] = useTyped(filter, (text) =>
    void navigate({
      search: ({ filter: _, ...before }) => ({ ...before, ...(text && { filter: text }) }),
      replace: true,
      resetScroll: false,
    }),
  );

  const found = at.path === path ? items.findIndex(({ name }) => name === at.name) : -1;
  const active = Math.max(0, found);
  const open = (to: string, name = "") => {
    setAt({ path: to, name });
    void navigate({ search: ({ filter: _, ...before }) => ({ ...before, path: to }), resetScroll: false });
  };
  const tick = (name: string) => {
    const one = inside(path, name);
    if (canRestore && !isCovered(one, chosen)) {
      const { chosen: _, ...others } = search;
      const after = toggled(one, chosen);
      void navigate({ search: { ...others, ...(after.length > 0 && { chosen: after }) }, replace: true, resetScroll: false });
    }
  };
  /** The item that a part of the list belongs to. */
  const itemAt = (target: EventTarget) =>
    target instanceof Element ? items[Number(target.closest("[data-index]")?.getAttribute("data-index") ?? -1)] : undefined;
  const item = items[active];
  const keys = listKeys({
    count: items.length,
    active,
    move: (index) => setAt({ path, name: items[index]?.name ?? "" }),
    open: () => item?.kind === "folder" && open(inside(path, item.name)),
    up: () => path !== "/" && open(above(path), nameOf(path)),
    tick: () => item && tick(item.name),
  });

  return (
    <section aria-label={texts.snapshots.content} className="rounded-lg border border-line bg-card">
      <header className="flex flex-wrap items-end justify-between gap-3 border-b border-line p-3">
        <Crumbs path={path} open={open} />
        <Field label={texts.snapshots.filter}>
          <input type="search" className={`${inputClass} sm:w-56`} value={typed} onChange={({ target }) => setTyped(target.value)} />
        </Field>
      </header>
      {query.isError && <Failure error={query.error} again={() => void query.refetch()} />}
      {!query.isError && (
        <div
          ref={setBox}
          role="grid"
          aria-label={texts.snapshots.folder(path)}
          aria-rowcount={items.length + 1}
          aria-multiselectable
          aria-busy={query.isPending}
          tabIndex={0}
          {...(items.length > 0 && { "aria-activedescendant": `item-${active}` })}
          onKeyDown={keys}
          onPointerDown={({ target }) => {
            const pointed = itemAt(target);
            return pointed && setAt({ path, name: pointed.name });
          }}
          onClick={({ target }) => {
            const clicked = target instanceof HTMLInputElement ? itemAt(target) : undefined;
            return clicked && tick(clicked.name);
          }}
          className="group h-[min(36rem,65vh)] overflow-auto text-sm focus-visible:-outline-offset-2"
        >
          <ItemHeads sort={sort} down={down} sortBy={(order) => change({ sort: order, down: sort === order && !down })} />
          {items.length === 0 && (
            <div role="row" className="p-6 text-center text-faint">
              <span role="gridcell">
                {query.isPending ? texts.loading : filter === "" ? texts.snapshots.emptyFolder : texts.snapshots.noItem}
              </span>
            </div>
          )}
          <div role="rowgroup">
            <VirtualRows
              key={path}
              box={box}
              count={items.length}
              height={36}
              focus={active}
              row={(index) => {
                const item = items[index];
                const one = item && inside(path, item.name);
                return (
                  item &&
                  one && (
                    <ItemRow
                      item={item}
                      index={index}
                      isActive={index === active}
                      tick={canRestore ? (chosen.includes(one) ? "ticked" : isCovered(one, chosen) ? "covered" : "free") : "none"}
                      path={one}
                    />
                  )
                );
              }}
            />
          </div>
        </div>
      )}
      <p role="status" className="border-t border-line px-3 py-1.5 text-xs text-faint tabular-nums">
        {query.isSuccess && texts.snapshots.items(items.length, items.length.toLocaleString(language))}
        {query.data?.length === MOST_ITEMS && ` – ${texts.snapshots.cutOff(MOST_ITEMS.toLocaleString(language))}`}
      </p>
    </section>
  );
}
