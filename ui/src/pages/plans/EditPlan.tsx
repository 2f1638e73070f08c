import { useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";

import { answer, api } from "../../api/client";
import type { Plan } from "../../api/queries";
import { plan } from "../../api/records";
import { useMay } from "../../api/roles";
import { Empty, PageHead } from "../../components/basics";
import { One } from "../../components/One";
import { Opened } from "../../components/Opened";
import { planOf, planValues, type PlanValues } from "../../lib/plan/form";
import { useTexts } from "../../texts";
import { PlanForm } from "./PlanForm";

const route = getRouteApi("/plans/$id/edit");

export function EditPlan() {
  const { id } = route.useParams();
  return <One query={useQuery(plan(id))} list="plans">{(found) => <Page key={id} plan={found} />}</One>;
}

function Page({ plan: found }: { plan: Plan }) {
  const texts = useTexts();
  const queries = useQueryClient();
  const navigate = route.useNavigate();
  const mayEdit = useMay("editPlans", found.project);
  const params = { path: { id: found.id } };
  const save = async (revision: number, values: PlanValues) => {
    await answer(api.PUT("/api/v1/plans/{id}", { params, body: { ...planOf(values), revision } }));
    await queries.invalidateQueries({ queryKey: ["records"] });
  };
  if (!mayEdit) {
    return <Empty title={texts.records.forbidden} hint={texts.records.forbiddenHint} />;
  }
  return (
    <>
      <PageHead title={found.name} part={texts.form.edit} />
      <Opened record={found} fetch={() => queries.fetchQuery({ ...plan(found.id), staleTime: 0 })}>
        {(opened, reload) => (
          <PlanForm
            isNew={false}
            values={planValues(opened)}
            save={(values) => save(opened.revision, values)}
            saved={() => void navigate({ to: "/plans/$id", params: { id: found.id } })}
            reload={reload}
          />
        )}
      </Opened>
    </>
  );
}
