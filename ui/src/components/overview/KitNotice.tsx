import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { recoveryKits } from "../../api/queries";
import { useTexts } from "../../texts";
import { Notice } from "../Notice";

/** Says that backups could not be opened without this server, where that is so. */
export function KitNotice({ project }: { project: string | undefined }) {
  const words = useTexts().guide.recovery;
  const stale = useQuery(recoveryKits(project)).data?.filter((kit) => kit.stale) ?? [];
  if (stale.length === 0) {
    return null;
  }
  return (
    <section className="rounded-lg border border-line bg-card p-4">
      <Notice tone="warn">
        <Link to="/recovery" className="font-semibold text-accent hover:underline">
          {stale.some((kit) => !kit.issued) ? words.missing : words.outdated}
        </Link>
      </Notice>
    </section>
  );
}
