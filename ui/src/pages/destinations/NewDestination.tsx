import { useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";

import { answer, api } from "../../api/client";
import { connections } from "../../api/queries";
import { PageHead } from "../../components/basics";
import { NewRecord } from "../../components/NewRecord";
import { One } from "../../components/One";
import { holdsOf, holdsValues } from "../../lib/archives";
import { isStorage } from "../../lib/connection";
import { NEW, madeEmpty } from "../../lib/destination";
import { useTexts } from "../../texts";
import { DestinationForm, type DestinationValues } from "./DestinationForm";

const route = getRouteApi("/destinations/new");

export function NewDestination() {
  const texts = useTexts();
  const queries = useQueryClient();
  const navigate = route.useNavigate();
  const existing = useQuery(connections());
  const save = async ({ project, name, connection, path, layout, holds }: DestinationValues) => {
    const body = { project, name, connection, path, layout, holds: holdsOf(holds) };
    const made = await answer(api.POST("/api/v1/destinations", { body }));
    await queries.invalidateQueries({ queryKey: ["records"] });
    return made;
  };
  return (
    <>
      <PageHead title={texts.records.destination.add} />
      <One query={existing}>
        {(known) => (
          <NewRecord action="editDestinations">
            {(project) => (
              <DestinationForm
                isNew
                values={{
                  project,
                  name: "",
                  connection: known.some(isStorage) ? "" : NEW,
                  path: "",
                  layout: "per_node",
                  holds: holdsValues(undefined),
                  made: madeEmpty("local"),
                }}
                save={save}
                saved={({ id }) => void navigate({ to: "/destinations/$id", params: { id } })}
              />
            )}
          </NewRecord>
        )}
      </One>
    </>
  );
}
