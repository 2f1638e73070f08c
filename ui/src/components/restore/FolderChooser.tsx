// Chooses a folder of a node's host, as far as the host shows it.

import { Dialog } from "@base-ui/react/dialog";
import { useQuery } from "@tanstack/react-query";
import { Folder, FolderOpen } from "lucide-react";
import { useMemo, useState } from "react";

import { hostFolder } from "../../api/snapshots";
import { listKeys } from "../../lib/listKeys";
import { folderOf, inside, nameOf } from "../../lib/paths";
import { useTexts } from "../../texts";
import { Failure, buttonClass } from "../basics";
import { Crumbs } from "../snapshots/Crumbs";
import { VirtualRows } from "../VirtualRows";
import { Name } from "../Name";

type Props = { node: string; start: string; choose: (path: string) => void };

export function FolderChooser({ node, start, choose }: Props) {
  const texts = useTexts();
  return (
    <Dialog.Root>
      <Dialog.Trigger className={buttonClass()}>
        <FolderOpen aria-hidden size={16} />
        {texts.restore.chooseFolder}
      </Dialog.Trigger>
      <Dialog.Portal>
        <Dialog.Backdrop className="fixed inset-0 bg-black/40" />
        <Dialog.Popup className="fixed top-1/2 left-1/2 flex max-h-[85dvh] w-[min(36rem,calc(100vw-2rem))] -translate-1/2 flex-col gap-3 rounded-lg border border-line bg-card p-5">
          <Dialog.Title className="text-base font-semibold">{texts.restore.chooseFolder}</Dialog.Title>
          <Folders node={node} start={start} choose={choose} />
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

function Folders({ node, start, choose }: Props) {
  const texts = useTexts();
  const [path, setPath] = useState(start);
  const [active, setActive] = useState(0);
  const [box, setBox] = useState<HTMLElement | null>(null);
  const query = useQuery(hostFolder(node, path));
  const folders = useMemo(() => query.data?.filter(({ kind }) => kind === "folder") ?? [], [query.data]);
  const open = (to: string) => {
    setActive(0);
    setPath(to);
  };
  const keys = listKeys({
    count: folders.length,
    active,
    move: setActive,
    open: () => folders[active] && open(inside(path, folders[active].name)),
    up: () => path !== "/" && open(folderOf(path)),
  });
  return (
    <>
      <Crumbs path={path} open={open} />
      {query.isError && <Failure error={query.error} again={() => open("/")} />}
      <div
        ref={setBox}
        role="listbox"
        tabIndex={0}
        aria-label={texts.restore.folders(path)}
        aria-busy={query.isPending}
        {...(folders.length > 0 && { "aria-activedescendant": `folder-${active}` })}
        onKeyDown={keys}
        className="group h-72 overflow-auto rounded border border-line text-sm focus-visible:-outline-offset-2"
      >
        {folders.length === 0 && (
          <p role="option" aria-selected={false} aria-disabled className="p-3 text-faint">
            {query.isPending ? texts.loading : texts.restore.noFolders}
          </p>
        )}
        <VirtualRows
          key={path}
          box={box}
          count={folders.length}
          height={32}
          focus={active}
          row={(index) => {
            const item = folders[index];
            return (
              item && (
                <div
                  id={`folder-${index}`}
                  role="option"
                  aria-selected={index === active}
                  onClick={() => open(inside(path, item.name))}
                  className={`flex min-h-8 cursor-pointer items-center gap-2 px-3 hover:bg-raised ${
                    index === active ? "group-focus-visible:bg-raised group-focus-visible:shadow-[inset_3px_0_0_var(--color-accent)]" : ""
                  }`}
                >
                  <Folder aria-hidden size={16} className="shrink-0 text-accent" />
                  <Name className="min-w-0 py-1 whitespace-pre-wrap wrap-anywhere">{item.name}</Name>
                </div>
              )
            );
          }}
        />
      </div>
      <div className="flex flex-wrap justify-end gap-2">
        <Dialog.Close className={buttonClass()}>{texts.form.cancel}</Dialog.Close>
        <Dialog.Close className={buttonClass("accent")} onClick={() => choose(path)}>
          {path === "/" ? texts.restore.useTop : texts.restore.useFolder(nameOf(path))}
        </Dialog.Close>
      </div>
    </>
  );
}
