import { Link } from "@tanstack/react-router";
import { CircleAlert, ShieldCheck, ShieldQuestion } from "lucide-react";

import { useMay } from "../../api/roles";
import type { Concern } from "../../lib/verdict";
import { useTexts } from "../../texts";
import { buttonClass } from "../basics";
import { ConcernList } from "../ConcernList";
import { Heading } from "../Heading";

/** In one line whether all is well, and what is not. */
export function Verdict({ plans, found }: { plans: number; found: readonly Concern[] }) {
  const texts = useTexts();
  const mayBegin = useMay("editPlans");
  const [Sign, colour, text] =
    found.length > 0
      ? ([CircleAlert, "text-bad", texts.overview.needs(found.length)] as const)
      : plans === 0
        ? ([ShieldQuestion, "text-faint", texts.overview.nothing] as const)
        : ([ShieldCheck, "text-good", texts.overview.good] as const);
  return (
    <section className="rounded-lg border border-line bg-card p-5">
      <Heading className={`flex items-center gap-3 text-2xl font-semibold ${colour}`}>
        <Sign aria-hidden size={36} className="shrink-0" />
        {text}
      </Heading>
      {plans === 0 && <p className="mt-2 text-faint">{texts.overview.nothingHint}</p>}
      {plans === 0 && mayBegin && (
        <Link to="/first-backup" className={`${buttonClass("accent")} mt-4`}>
          {texts.guide.first.start}
        </Link>
      )}
      {found.length > 0 && (
        <div className="mt-4">
          <ConcernList found={found} />
        </div>
      )}
    </section>
  );
}
