import { getRouteApi, Link } from "@tanstack/react-router";
import { FolderDown, X } from "lucide-react";

import { zipAddress } from "../../api/contents";
import { ticked } from "../../lib/paths";
import { useTexts } from "../../texts";
import { Button, buttonClass } from "../basics";
import { Name } from "../Name";

const route = getRouteApi("/snapshots/$repository/$snapshot");

/** What was chosen so far, over all folders. */
export function Tray({ chosen, snapshot }: { chosen: readonly string[]; snapshot: string }) {
  const texts = useTexts();
  const { repository } = route.useParams();
  const navigate = route.useNavigate();
  const zip = zipAddress(repository, snapshot, chosen);
  const choose = (after: string[]) =>
    void navigate({
      search: ({ chosen: _, ...before }) => ({ ...before, ...(after.length > 0 && { chosen: after }) }),
      replace: true,
      resetScroll: false,
    });
  return (
    <section
      aria-label={texts.snapshots.tray}
      className="sticky bottom-2 z-20 flex flex-wrap items-center justify-between gap-3 rounded-lg border border-accent bg-card p-3 shadow-lg"
    >
      <p role="status" className="sr-only">
        {texts.snapshots.chosen(chosen.length)}
      </p>
      <details className="min-w-0 grow">
        <summary className="min-h-6 text-sm font-semibold">{texts.snapshots.chosen(chosen.length)}</summary>
        <ul className="mt-2 max-h-40 overflow-auto text-sm">
          {chosen.map((path) => (
            <li key={path} className="flex items-center gap-1">
              <button
                type="button"
                className="grid size-7 shrink-0 place-items-center rounded text-faint hover:text-bad"
                aria-label={texts.snapshots.leaveOut(path)}
                onClick={() => choose(ticked(chosen, path, false))}
              >
                <X aria-hidden size={14} />
              </button>
              <Name>{path}</Name>
            </li>
          ))}
        </ul>
      </details>
      <span className="flex flex-wrap gap-2">
        <Button onClick={() => choose([])}>{texts.snapshots.chooseNone}</Button>
        {zip === undefined ? (
          <span className="self-center text-xs text-faint">{texts.snapshots.zipTooMany}</span>
        ) : (
          <a download href={zip} className={buttonClass()}>
            <FolderDown aria-hidden size={16} />
            {texts.snapshots.zipChosen}
          </a>
        )}
        <Link to="/restore" search={{ repository, snapshot, paths: [...chosen] }} className={buttonClass("accent")}>
          {texts.snapshots.restoreChosen(chosen.length)}
        </Link>
      </span>
    </section>
  );
}
