import { useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";

import { answer, api } from "../../api/client";
import { plan } from "../../api/records";
import { PageHead } from "../../components/basics";
import { NewRecord } from "../../components/NewRecord";
import { One } from "../../components/One";
import { newPlan, planOf, planValues, type PlanValues } from "../../lib/plan/form";
import { useTexts } from "../../texts";
import { PlanForm } from "./PlanForm";

const route = getRouteApi("/plans/new");

/** A new plan: from the beginning, or like the one that the address names. */
export function NewPlan() {
  const texts = useTexts();
  const { from, source, destination } = route.useSearch();
  return (
    <>
      <PageHead title={texts.plan.add} />
      <NewRecord action="editPlans">
        {(project) =>
          from !== undefined ? (
            <Copy from={from} />
          ) : (
            <Form values={newPlan(project, source ? [source] : [], destination ? [destination] : [])} />
          )
        }
      </NewRecord>
    </>
  );
}

function Copy({ from }: { from: string }) {
  const words = useTexts().plan;
  return (
    <One query={useQuery(plan(from))}>
      {(origin) => <Form values={{ ...planValues(origin), name: `${words.copyOf} ${origin.name}`, enabled: false }} />}
    </One>
  );
}

function Form({ values }: { values: PlanValues }) {
  const queries = useQueryClient();
  const navigate = route.useNavigate();
  const save = async (entered: PlanValues) => {
    const body = { project: entered.project, ...planOf(entered) };
    const made = await answer(api.POST("/api/v1/plans", { body }));
    await queries.invalidateQueries({ queryKey: ["records"] });
    return made;
  };
  const saved = ({ id }: { id: string }) => void navigate({ to: "/plans/$id", params: { id } });
  return <PlanForm isNew values={values} save={save} saved={saved} />;
}
