import { useState } from "react";

import type { Overview, Plan } from "../../api/queries";
import { useTexts } from "../../texts";
import { Button, Card, Empty } from "../basics";
import { PlanRow } from "../PlanRow";

/** So many plans are shown at first. */
const FIRST = 20;

/** How each plan stands, with thirty days of it. */
export function PlanRows({ overview, plans }: { overview: Overview; plans: readonly Plan[] }) {
  const texts = useTexts();
  const [all, setAll] = useState(false);
  const known = new Map(plans.map((plan) => [plan.id, plan]));
  if (overview.plans.length === 0) {
    return <Empty title={texts.plans.none} hint={texts.plans.noneHint} />;
  }
  return (
    <Card title={`${texts.pages.plans} – ${texts.overview.last30}`}>
      <ul className="flex flex-col divide-y divide-line">
        {overview.plans.slice(0, all ? undefined : FIRST).map((standing) => (
          <li key={standing.plan.id} className="py-3 first:pt-0 last:pb-0">
            <PlanRow standing={standing} plan={known.get(standing.plan.id)} dates={overview.days} heading="h3" />
          </li>
        ))}
      </ul>
      {!all && overview.plans.length > FIRST && (
        <Button className="mt-4" onClick={() => setAll(true)}>
          {texts.overview.showAll(overview.plans.length)}
        </Button>
      )}
    </Card>
  );
}
