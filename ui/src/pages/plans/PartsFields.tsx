import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { ExternalLink } from "lucide-react";
import { useEffect, useRef } from "react";
import { useFormContext } from "react-hook-form";

import { connections, destinations, nodes, sources } from "../../api/queries";
import { useMay } from "../../api/roles";
import { CheckField, ChecksField, Fields, SelectField, TextField } from "../../components/fields";
import { ProjectField } from "../../components/Where";
import { placeOf } from "../../lib/connection";
import type { PlanValues } from "../../lib/plan/form";
import { useTexts } from "../../texts";
import { isolated } from "../../lib/shown";
import { CopyFields, holdsSnapshots } from "./CopyFields";

/** What a plan is made of: its sources, or what it copies, and its destinations. */
export function PartsFields({ isNew }: { isNew: boolean }) {
  const texts = useTexts();
  const words = texts.plan;
  const { watch, setValue } = useFormContext<PlanValues>();
  const [project, does, from] = watch(["project", "does", "copy.from"]);
  const isCopy = does === "copy";
  const [allSources, allDestinations] = [useQuery(sources()).data ?? [], useQuery(destinations()).data ?? []];
  const hosts = new Map(useQuery(nodes()).data?.map(({ id, name }) => [id, name]));
  const ways = new Map(useQuery(connections()).data?.map(({ id, settings }) => [id, placeOf(settings)]));
  const [mayAddSource, mayAddDestination] = [useMay("editSources", project), useMay("editDestinations", project)];
  // What another project has is not for this one.
  const before = useRef(project);
  useEffect(() => {
    if (before.current !== project) {
      before.current = project;
      setValue("sources", []);
      setValue("destinations", []);
      setValue("copy.from", "");
      setValue("copy.node", "");
      setValue("copy.plans", []);
    }
  }, [project, setValue]);
  // What is no place for copies is not sent because it was chosen for backups.
  const isTarget = (id: string) => !isCopy || allDestinations.some((place) => place.id === id && id !== from && holdsSnapshots(place));
  const chosen = watch("destinations");
  useEffect(() => {
    if (allDestinations.length > 0 && !chosen.every(isTarget)) {
      setValue("destinations", chosen.filter(isTarget));
    }
  });
  const here = <T extends { project: string }>(records: T[]) => records.filter((record) => record.project === project);
  const targets = here(allDestinations).filter((place) => !isCopy || (place.id !== from && holdsSnapshots(place)));
  return (
    <Fields title={isCopy ? words.copies.what : words.what}>
      {isNew && <ProjectField action="editPlans" />}
      <TextField name="name" label={texts.form.name} maxLength={100} />
      {isNew && (
        <SelectField
          name="does"
          label={words.copies.does}
          choices={[
            ["backup", words.copies.backup],
            ["copy", words.copies.copy],
          ]}
        />
      )}
      {isCopy && <CopyFields />}
      <div className="grid gap-4 sm:grid-cols-2">
        {!isCopy && (
        <div className="min-w-0">
          <ChecksField
            name="sources"
            label={words.sources}
            choices={here(allSources).map(({ id, name, node }) => [id, `${isolated(name)} (${isolated(hosts.get(node) ?? "…")})`] as const)}
            {...(here(allSources).length === 0 && { hint: words.noSources })}
          />
          {mayAddSource && <NewTab to="/sources/new">{words.addSource}</NewTab>}
        </div>
        )}
        <div className="min-w-0">
          <ChecksField
            name="destinations"
            label={isCopy ? words.copies.to : words.destinations}
            choices={targets.map(
              ({ id, name, connection }) => [id, `${isolated(name)} (${isolated(ways.get(connection) ?? "…")})`] as const,
            )}
            {...(targets.length === 0 && { hint: isCopy ? words.copies.noTargets : words.noDestinations })}
          />
          {mayAddDestination && <NewTab to="/destinations/new">{words.addDestination}</NewTab>}
        </div>
      </div>
      <p className="text-xs text-faint">{isCopy ? words.copies.told : words.eachToEach}</p>
      <CheckField name="enabled" label={words.enabled} />
    </Fields>
  );
}

/** A form in another tab, so that this one stays as it is; what is made there appears here. */
function NewTab({ to, children }: { to: "/sources/new" | "/destinations/new"; children: string }) {
  return (
    <Link
      to={to}
      target="_blank"
      className="mt-2 inline-flex min-h-6 items-center gap-1 text-sm text-accent hover:underline"
    >
      {children}
      <ExternalLink aria-hidden size={14} />
    </Link>
  );
}
