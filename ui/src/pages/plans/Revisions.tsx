import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";

import { answer, api } from "../../api/client";
import { destinations, nodes, plans, sources, type Plan } from "../../api/queries";
import { plan, revisions, type Revision } from "../../api/records";
import { useMay } from "../../api/roles";
import { Card, Failure, Field, PageHead, inputClass } from "../../components/basics";
import { Confirm } from "../../components/Confirm";
import { One } from "../../components/One";
import { moment } from "../../lib/format";
import { revisionSearch } from "../../lib/plan/choice";
import { useSpeech } from "../../texts";
import { Changes } from "./Changes";

const route = getRouteApi("/plans/$id/revisions");

export function Revisions() {
  const { id } = route.useParams();
  const found = useQuery(plan(id));
  const all = useQuery(revisions(id));
  return (
    <One query={found} list="plans">{(plan) => <One query={all}>{(items) => <Page plan={plan} items={items} />}</One>}</One>
  );
}

function Page({ plan: found, items }: { plan: Plan; items: Revision[] }) {
  const { texts, language } = useSpeech();
  const words = texts.plan.revisions;
  const search = revisionSearch(route.useSearch());
  const navigate = route.useNavigate();
  const [newest, second] = items;
  const to = items.find(({ revision }) => revision === search.to) ?? newest;
  const from = items.find(({ revision }) => revision === search.from) ?? second;
  const names = new Map(
    [useQuery(sources()).data, useQuery(destinations()).data, useQuery(nodes()).data, useQuery(plans()).data].flatMap(
      (records) => (records ?? []).map(({ id, name }): [string, string] => [id, name]),
    ),
  );
  const choose = (change: { from?: number; to?: number }) =>
    void navigate({ search: (before) => revisionSearch({ ...before, ...change }), replace: true });
  const told = ({ revision, changed, changed_by }: Revision) =>
    `${revision} – ${moment(changed, language)}, ${changed_by}${revision === newest?.revision ? ` (${words.now})` : ""}`;
  return (
    <>
      <PageHead title={words.title(found.name)}>
        <Link to="/plans/$id" params={{ id: found.id }} className="text-sm text-accent hover:underline">
          {found.name}
        </Link>
      </PageHead>
      <div className="flex flex-col gap-4">
        {from === undefined || to === undefined ? (
          <p className="text-sm text-faint">{words.one}</p>
        ) : (
          <Card title={words.changes}>
            <div className="mb-4 grid gap-3 sm:grid-cols-2">
              {(["from", "to"] as const).map((side) => (
                <Field key={side} label={words[side]}>
                  <select
                    className={inputClass}
                    value={(side === "from" ? from : to).revision}
                    onChange={({ target }) => choose({ [side]: Number(target.value) })}
                  >
                    {items.map((item) => (
                      <option key={item.revision} value={item.revision}>
                        {told(item)}
                      </option>
                    ))}
                  </select>
                </Field>
              ))}
            </div>
            <Changes before={from.plan} after={to.plan} nameOf={(id) => names.get(id) ?? id} />
          </Card>
        )}
        <ol className="divide-y divide-line rounded-lg border border-line bg-card">
          {items.map((item) => (
            <li key={item.revision} className="flex flex-wrap items-center justify-between gap-3 p-4 text-sm">
              <span className="wrap-anywhere">
                {words.revision} {told(item)}
              </span>
              {item !== newest && <Revert plan={found} revision={item.revision} />}
            </li>
          ))}
        </ol>
      </div>
    </>
  );
}

/** Makes a plan what it was. */
function Revert({ plan: found, revision }: { plan: Plan; revision: number }) {
  const words = useSpeech().texts.plan.revisions;
  const queries = useQueryClient();
  const navigate = route.useNavigate();
  const mayEdit = useMay("editPlans", found.project);
  const revert = useMutation({
    mutationFn: () => {
      const body = { revision, expected: found.revision };
      return answer(api.POST("/api/v1/plans/{id}/revert", { params: { path: { id: found.id } }, body }));
    },
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ["records"] });
      await navigate({ search: {}, replace: true });
    },
  });
  if (!mayEdit) {
    return null;
  }
  const verb = words.revert(revision);
  return (
    <div className="flex flex-col gap-2">
      <Confirm
        words={{ trigger: verb, title: words.revertSure(revision), hint: words.revertHint, yes: verb, tone: "plain" }}
        disabled={revert.isPending}
        go={() => revert.mutate()}
      />
      {revert.error !== null && <Failure error={revert.error} />}
    </div>
  );
}
