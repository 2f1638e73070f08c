import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { ExternalLink } from "lucide-react";
import { useEffect, useRef } from "react";
import { useFormContext } from "react-hook-form";

import { connections, destinations, nodes, sources } from "../../api/queries";
import { useMay } from "../../api/roles";
import { CheckField, ChecksField, Fields, TextField } from "../../components/fields";
import { ProjectField } from "../../components/Where";
import { placeOf } from "../../lib/connection";
import type { PlanValues } from "../../lib/plan/form";
import { useTexts } from "../../texts";
import { isolated } from "../../lib/shown";

/** What a plan is made of: its sources and its destinations. */
export function PartsFields({ isNew }: { isNew: boolean }) {
  const texts = useTexts();
  const words = texts.plan;
  const { watch, setValue } = useFormContext<PlanValues>();
  const project = watch("project");
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
    }
  }, [project, setValue]);
  const here = <T extends { project: string }>(records: T[]) => records.filter((record) => record.project === project);
  return (
    <Fields title={words.what}>
      {isNew && <ProjectField action="editPlans" />}
      <TextField name="name" label={texts.form.name} maxLength={100} />
      <div className="grid gap-4 sm:grid-cols-2">
        <div className="min-w-0">
          <ChecksField
            name="sources"
            label={words.sources}
            choices={here(allSources).map(({ id, name, node }) => [id, `${isolated(name)} (${isolated(hosts.get(node) ?? "…")})`] as const)}
            {...(here(allSources).length === 0 && { hint: words.noSources })}
          />
          {mayAddSource && <NewTab to="/sources/new">{words.addSource}</NewTab>}
        </div>
        <div className="min-w-0">
          <ChecksField
            name="destinations"
            label={words.destinations}
            choices={here(allDestinations).map(
              ({ id, name, connection }) => [id, `${isolated(name)} (${isolated(ways.get(connection) ?? "…")})`] as const,
            )}
            {...(here(allDestinations).length === 0 && { hint: words.noDestinations })}
          />
          {mayAddDestination && <NewTab to="/destinations/new">{words.addDestination}</NewTab>}
        </div>
      </div>
      <p className="text-xs text-faint">{words.eachToEach}</p>
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
