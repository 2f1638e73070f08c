import { useQuery } from "@tanstack/react-query";

import { destinations, latestRuns, nodes, plans, sources, type Plan } from "../../api/queries";
import { revisions } from "../../api/records";
import { CutApart } from "../../components/CutApart";
import { Facts, type Fact } from "../../components/Facts";
import { RecordLinks } from "../../components/RecordLinks";
import { When } from "../../components/When";
import { describeRetention, describeSchedule, timeWords } from "../../lib/plan/describe";
import { HOOK_TIMES, hookKind, hookTarget } from "../../lib/plan/hooks";
import { useSpeech } from "../../texts";
import { listed } from "../../lib/shown";

/** What a plan says, in words. */
export function PlanFacts({ plan }: { plan: Plan }) {
  const { texts, language } = useSpeech();
  const words = texts.plan;
  const [from, to] = [useQuery(sources()).data, useQuery(destinations()).data];
  const [hosts, others] = [useQuery(nodes()).data, useQuery(plans()).data];
  const { verification: check, hooks, tags = [] } = plan;
  const steps = HOOK_TIMES.flatMap((time) =>
    (hooks?.[time] ?? []).map((hook) => `${words.hookTimes[time]}: ${words.hookKinds[hookKind(hook)]} ${hookTarget(hook)}`),
  );
  const nameOf = (id: string, records: readonly { id: string; name: string }[] | undefined) =>
    records?.find((record) => record.id === id)?.name ?? "…";
  const copyFacts = (copy: NonNullable<Plan["copy"]>): Fact[] => [
    [
      words.copies.from,
      <RecordLinks key="from" to="/destinations/$id" records={[{ id: copy.from, name: nameOf(copy.from, to) }]} />,
    ],
    ...(copy.node ? [[words.copies.node, nameOf(copy.node, hosts)] as const] : []),
    ...(copy.plans?.length ? [[words.copies.plans, listed(copy.plans.map((id) => nameOf(id, others)))] as const] : []),
    ...(copy.hosts?.length ? [[words.copies.hosts, listed(copy.hosts)] as const] : []),
    ...(copy.paths?.length ? [[words.copies.paths, listed(copy.paths)] as const] : []),
    ...(copy.tags?.length ? [[words.copies.tags, listed(copy.tags)] as const] : []),
  ];
  return (
    <Facts
      facts={[
        [words.state, plan.enabled === false ? words.off : words.on],
        ...(plan.copy
          ? copyFacts(plan.copy)
          : [
              [
                words.sources,
                <RecordLinks
                  key="sources"
                  to="/sources/$id"
                  records={plan.sources.map((id) => ({ id, name: from?.find((source) => source.id === id)?.name ?? "…" }))}
                />,
              ] as const,
            ]),
        [
          words.destinations,
          <div key="destinations">
            <RecordLinks
              to="/destinations/$id"
              records={plan.destinations.map((id) => ({ id, name: to?.find((one) => one.id === id)?.name ?? "…" }))}
            />
            <Cuts plan={plan} />
          </div>,
        ],
        [texts.plans.schedule, describeSchedule(plan.schedule, words, language)],
        [
          words.keepsTitle,
          (plan.copy?.mirror ? [words.copies.mirrors] : describeRetention(plan.retention, words, language)).map((sentence) => (
            <span key={sentence} className="block">
              {sentence}
            </span>
          )),
        ],
        [
          words.continuous,
          plan.continuous &&
            words.continuousSays(
              timeWords(plan.continuous.every ?? "60s", language),
              plan.continuous.keep ? timeWords(plan.continuous.keep, language) : undefined,
            ),
        ],
        [
          words.verification,
          check?.every
            ? words.verified(timeWords(check.every, language), (check.read_percent ?? 0).toLocaleString(language))
            : words.neverVerified,
        ],
        ...(steps.length > 0
          ? [
              [
                words.hooks,
                steps.map((step, index) => (
                  <span key={index} className="block">
                    {step}
                  </span>
                )),
              ] as const,
            ]
          : []),
        ...(tags.length > 0 ? [[words.tags, listed(tags)] as const] : []),
        [words.changed, <Changed key="changed" plan={plan} />],
      ]}
    />
  );
}

/** Which destinations cost more than the others since what goes there is cut apart, as the newest run has found. */
function Cuts({ plan }: { plan: Plan }) {
  const kind = plan.copy ? "copy" : "backup";
  const newest = useQuery(latestRuns({ plan: plan.id, kind, state: "completed,failed" }, 1)).data?.[0];
  const left = newest?.destinations?.filter(({ id }) => plan.destinations.includes(id));
  return left?.map((at) => <CutApart key={at.id} at={at} named />);
}

/** When a plan was last changed, and by whom. */
function Changed({ plan }: { plan: Plan }) {
  const words = useSpeech().texts.plan;
  const last = useQuery(revisions(plan.id)).data?.[0];
  return (
    <>
      <When time={plan.changed} />
      {last !== undefined && ` ${words.changedBy(last.changed_by)}`}
    </>
  );
}
