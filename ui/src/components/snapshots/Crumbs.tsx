import { ChevronRight, HardDrive } from "lucide-react";

import { crumbs } from "../../lib/paths";
import { useTexts } from "../../texts";
import { Name } from "../Name";

/** The way to a folder; each part of it leads there. */
export function Crumbs({ path, open }: { path: string; open: (path: string) => void }) {
  const texts = useTexts();
  const all = crumbs(path);
  return (
    <nav aria-label={texts.snapshots.way} className="min-w-0">
      <ol className="flex flex-wrap items-center text-sm">
        {all.map((crumb, place) => (
          <li key={crumb.path} className="flex min-w-0 items-center">
            {place > 0 && <ChevronRight aria-hidden size={16} className="shrink-0 text-faint" />}
            <button
              type="button"
              onClick={() => open(crumb.path)}
              className="min-h-7 min-w-7 rounded px-1 text-start wrap-anywhere text-accent hover:underline aria-[current]:font-semibold aria-[current]:text-text"
              {...(place === all.length - 1 && { "aria-current": "location" as const })}
            >
              {place === 0 ? (
                <>
                  <HardDrive aria-hidden size={16} />
                  <span className="sr-only">{texts.snapshots.top}</span>
                </>
              ) : (
                <Name>{crumb.name}</Name>
              )}
            </button>
          </li>
        ))}
      </ol>
    </nav>
  );
}
