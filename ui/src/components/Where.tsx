// The questions that all new records begin with: in which project, on which node.

import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { useFormContext } from "react-hook-form";

import { nodes } from "../api/queries";
import { useProjectsFor } from "../api/roles";
import type { Action } from "../lib/may";
import { useTexts } from "../texts";
import { SelectField } from "./fields";

/** The project of a new record; nothing where there is no choice. */
export function ProjectField({ action }: { action: Action }) {
  const texts = useTexts();
  const projects = useProjectsFor(action);
  return projects.length < 2 ? null : (
    <SelectField
      name="project"
      label={texts.form.project}
      choices={projects.map(({ project, name }) => [project, name] as const)}
    />
  );
}

/** The node of a record, of those in the form's project; the server's own where none was chosen. */
export function NodeField({ name = "node", hint }: { name?: string; hint: string }) {
  const texts = useTexts();
  const { watch, setValue } = useFormContext();
  const [project, chosen]: [unknown, unknown] = [watch("project"), watch(name)];
  const { data } = useQuery(nodes());
  const choices = (data ?? []).filter((node) => node.project === project && !node.revoked);
  const fitting = choices.some(({ id }) => id === chosen) ? undefined : (choices.find(({ local }) => local) ?? choices[0]);
  const correct = fitting?.id;
  useEffect(() => {
    if (correct !== undefined) {
      setValue(name, correct);
    }
  }, [correct, name, setValue]);
  return (
    <SelectField
      name={name}
      label={texts.form.node}
      hint={hint}
      choices={choices.map(({ id, name }) => [id, name] as const)}
    />
  );
}
