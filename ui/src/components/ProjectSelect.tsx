import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useEffect } from "react";

import { me } from "../api/queries";
import { useTexts } from "../texts";
import { Field, inputClass } from "./basics";
import { useProject } from "./project";

/** Chooses whose records all pages show, where there is a choice. */
export function ProjectSelect() {
  const texts = useTexts();
  const project = useProject();
  const navigate = useNavigate();
  const { data } = useQuery(me());
  const choose = (chosen: string | undefined) =>
    void navigate({ to: ".", search: (before) => ({ ...before, project: chosen }), replace: true });
  const isForeign = data !== undefined && project !== undefined && !data.roles.some((role) => role.project === project);
  useEffect(() => {
    if (isForeign) {
      choose(undefined);
    }
  });
  if (data === undefined || data.roles.length < 2) {
    return null;
  }
  return (
    <Field label={texts.form.project}>
      <select className={inputClass} value={project ?? ""} onChange={({ target }) => choose(target.value || undefined)}>
        <option value="">{texts.people.allProjects}</option>
        {data.roles.map(({ project, name }) => (
          <option key={project} value={project}>
            {name}
          </option>
        ))}
      </select>
    </Field>
  );
}
