import { useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";

import { answer, api } from "../../api/client";
import { PageHead } from "../../components/basics";
import { NewRecord } from "../../components/NewRecord";
import { emptySpec, specOf, type SourceValues } from "../../lib/source";
import { useTexts } from "../../texts";
import { SourceForm } from "./SourceForm";

const route = getRouteApi("/sources/new");

export function NewSource() {
  const texts = useTexts();
  const queries = useQueryClient();
  const navigate = route.useNavigate();
  const { node = "", type = "files" } = route.useSearch();
  const save = async (values: SourceValues) => {
    const { project, name, node } = values;
    await answer(api.POST("/api/v1/sources", { body: { project, name, node, spec: specOf(values) } }));
    await queries.invalidateQueries({ queryKey: ["records"] });
  };
  return (
    <>
      <PageHead title={texts.records.source.add} />
      <NewRecord action="editSources">
        {(project) => (
          <SourceForm
            key={type}
            isNew
            values={{ project, name: "", node, ...emptySpec(type) }}
            save={save}
            saved={() => void navigate({ to: "/sources" })}
          />
        )}
      </NewRecord>
    </>
  );
}
