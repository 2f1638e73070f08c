import { useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";

import { answer, api } from "../../api/client";
import { PageHead } from "../../components/basics";
import { NewRecord } from "../../components/NewRecord";
import { emptySettings, settingsOf } from "../../lib/connection";
import { useTexts } from "../../texts";
import { ConnectionForm, type ConnectionValues } from "./ConnectionForm";

const route = getRouteApi("/connections/new");

export function NewConnection() {
  const texts = useTexts();
  const queries = useQueryClient();
  const { type = "local" } = route.useSearch();
  const navigate = route.useNavigate();
  const save = async ({ settings, ...about }: ConnectionValues) => {
    await answer(api.POST("/api/v1/connections", { body: { ...about, settings: settingsOf(settings) } }));
    await queries.invalidateQueries({ queryKey: ["records"] });
  };
  return (
    <>
      <PageHead title={texts.records.connection.add} />
      <NewRecord action="editConnections">
        {(project) => (
          <ConnectionForm
            key={type}
            isNew
            values={{ project, name: "", node: "", settings: emptySettings(type) }}
            save={save}
            saved={() => void navigate({ to: "/connections" })}
          />
        )}
      </NewRecord>
    </>
  );
}
