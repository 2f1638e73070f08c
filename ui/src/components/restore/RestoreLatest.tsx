import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { RotateCcw } from "lucide-react";

import { me, type Plan } from "../../api/queries";
import { may } from "../../lib/may";
import { useTexts } from "../../texts";
import { buttonClass, type Tone } from "../basics";

/** Leads to where all of a plan's latest snapshot is restored by one more click. */
export function RestoreLatest({ plan, tone = "plain" }: { plan: Plan; tone?: Tone }) {
  const texts = useTexts();
  const self = useQuery(me()).data;
  // What a copy plan has copied is other plans'.
  return (
    !plan.copy &&
    may(self, "restore", plan.project) && (
      <Link
        to="/restore"
        search={{ plan: plan.id, snapshot: "latest" }}
        aria-label={`${texts.snapshots.restoreLatest}: ${plan.name}`}
        className={buttonClass(tone)}
      >
        <RotateCcw aria-hidden size={14} />
        {texts.snapshots.restoreLatest}
      </Link>
    )
  );
}
