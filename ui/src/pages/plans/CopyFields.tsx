import { useQuery } from "@tanstack/react-query";
import { useFormContext } from "react-hook-form";

import { destinations, nodes, plans } from "../../api/queries";
import { CheckField, ChecksField, LinesField, SelectField } from "../../components/fields";
import { isChoosy, copyOf } from "../../lib/plan/copies";
import type { PlanValues } from "../../lib/plan/form";
import { useTexts } from "../../texts";

/** What a copy plan copies: from where, by which node, and which snapshots. */
export function CopyFields() {
  const words = useTexts().plan.copies;
  const { watch } = useFormContext<PlanValues>();
  const [project, copy] = watch(["project", "copy"]);
  const places = (useQuery(destinations()).data ?? []).filter((place) => place.project === project && holdsSnapshots(place));
  const hosts = (useQuery(nodes()).data ?? []).filter((node) => node.project === project && !node.revoked);
  const others = (useQuery(plans()).data ?? []).filter((plan) => plan.project === project && !plan.copy);
  const isShared = places.find(({ id }) => id === copy.from)?.layout === "shared";
  return (
    <>
      <SelectField
        name="copy.from"
        label={words.from}
        hint={words.fromHint}
        choices={[["", words.choose], ...places.map(({ id, name }) => [id, name] as const)]}
      />
      {(hosts.length > 1 || copy.mirror) && (
        <SelectField
          name="copy.node"
          label={words.node}
          hint={isShared ? words.nodeShared : words.nodeOwn}
          choices={[["", isShared ? words.serverNode : words.eachNode], ...hosts.map(({ id, name }) => [id, name] as const)]}
        />
      )}
      <CheckField name="copy.mirror" label={words.mirror} hint={words.mirrorHint} />
      <details open={isChoosy(copyOf(copy))}>
        <summary className="text-sm font-semibold">{words.some}</summary>
        <div className="mt-3 flex flex-col gap-4">
          <ChecksField name="copy.plans" label={words.plans} choices={others.map(({ id, name }) => [id, name] as const)} />
          <LinesField name="copy.hosts" label={words.hosts} hint={words.eachLine} rows={2} />
          <LinesField name="copy.paths" label={words.paths} hint={words.eachLine} rows={2} />
          <LinesField name="copy.tags" label={words.tags} hint={words.eachLine} rows={2} />
        </div>
      </details>
    </>
  );
}

/** Whether snapshots can be copied from and to a destination. */
export const holdsSnapshots = ({ holds }: { holds?: { type: string } }): boolean => (holds?.type ?? "repository") === "repository";
