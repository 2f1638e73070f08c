// One file of a snapshot, and what it was in the others.

import { Dialog } from "@base-ui/react/dialog";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { Download, RotateCcw } from "lucide-react";

import { fileAddress } from "../../api/contents";
import { versions } from "../../api/snapshots";
import { moment, size } from "../../lib/format";
import { folderOf, nameOf } from "../../lib/paths";
import { useSpeech } from "../../texts";
import { Failure, Loading, buttonClass } from "../basics";
import { Name } from "../Name";
import { FilePreview } from "./FilePreview";

const route = getRouteApi("/snapshots/$repository/$snapshot");

type Props = { file: string; snapshot: string; canRestore: boolean };

export function FilePanel({ file, snapshot, canRestore }: Props) {
  const { texts } = useSpeech();
  const { repository } = route.useParams();
  const navigate = route.useNavigate();
  const close = () =>
    void navigate({ search: ({ file: _, ...before }) => before, replace: true, resetScroll: false });
  return (
    <Dialog.Root open onOpenChange={(open) => !open && close()}>
      <Dialog.Portal>
        <Dialog.Backdrop className="fixed inset-0 z-30 bg-black/40" />
        <Dialog.Popup className="fixed top-1/2 left-1/2 z-30 flex max-h-[90dvh] w-[min(46rem,calc(100vw-2rem))] -translate-1/2 flex-col gap-4 overflow-auto rounded-lg border border-line bg-card p-5">
          <div>
            <Dialog.Title className="text-base font-semibold wrap-anywhere">
              <Name>{nameOf(file)}</Name>
            </Dialog.Title>
            <Dialog.Description className="mt-1 text-sm text-faint wrap-anywhere">
              <Name>{folderOf(file)}</Name>
            </Dialog.Description>
          </div>
          {canRestore && <FilePreview repository={repository} snapshot={snapshot} file={file} />}
          <Versions file={file} snapshot={snapshot} canRestore={canRestore} />
          <div className="flex flex-wrap justify-end gap-2">
            {canRestore && (
              <a download href={fileAddress(repository, snapshot, file)} className={buttonClass("accent")}>
                <Download aria-hidden size={16} />
                {texts.snapshots.download}
              </a>
            )}
            <Dialog.Close className={buttonClass()}>{texts.snapshots.close}</Dialog.Close>
          </div>
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

/** What the file was in the snapshots that have it. */
function Versions({ file, snapshot, canRestore }: Props) {
  const { texts, language } = useSpeech();
  const { repository } = route.useParams();
  const query = useQuery(versions(repository, file));
  if (query.isPending) {
    return <Loading />;
  }
  if (query.isError) {
    return <Failure error={query.error} again={() => void query.refetch()} />;
  }
  return (
    <section aria-labelledby="versions">
      <h3 id="versions" className="mb-1 text-sm font-semibold">
        {texts.snapshots.versions(query.data.length)}
      </h3>
      <ul className="divide-y divide-line text-sm">
        {query.data.map(({ item, snapshots: having }) => {
          const [newest] = having;
          const isShown = having.some(({ id }) => id === snapshot);
          return (
            newest && (
              <li key={newest.id} className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2 py-2">
                <div className="min-w-0">
                  <p className={isShown ? "font-semibold" : ""}>
                    {item.modified ? texts.snapshots.changed(moment(item.modified, language)) : "–"}
                    {item.size != null && <span className="text-faint"> · {size(item.size, language)}</span>}
                  </p>
                  <p className="text-xs text-faint">
                    <Link
                      to="/snapshots/$repository/$snapshot"
                      params={{ repository, snapshot: newest.id }}
                      search={{ path: folderOf(file) }}
                      className="text-accent hover:underline"
                    >
                      {moment(newest.time, language)}
                    </Link>
                    {having.length > 1 && ` ${texts.snapshots.andMore(having.length - 1)}`}
                    {isShown && ` · ${texts.snapshots.thisOne}`}
                  </p>
                </div>
                {canRestore && (
                  <Link
                    to="/restore"
                    search={{ repository, snapshot: isShown ? snapshot : newest.id, paths: [file] }}
                    className={buttonClass()}
                  >
                    <RotateCcw aria-hidden size={14} />
                    {texts.snapshots.restoreVersion}
                  </Link>
                )}
              </li>
            )
          );
        })}
      </ul>
    </section>
  );
}
