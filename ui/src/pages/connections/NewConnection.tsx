import { useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";

import { useState } from "react";

import { answer, api, type Schemas } from "../../api/client";
import { PageHead } from "../../components/basics";
import { NewRecord } from "../../components/NewRecord";
import { emptySettings, googleSettingsOf, settingsOf } from "../../lib/connection";
import { useTexts } from "../../texts";
import { ConnectionForm, type ConnectionValues } from "./ConnectionForm";
import { GoogleSignIn } from "./GoogleSignIn";

const route = getRouteApi("/connections/new");

export function NewConnection() {
  const texts = useTexts();
  const queries = useQueryClient();
  const { type = "local" } = route.useSearch();
  const navigate = route.useNavigate();
  const [signIn, setSignIn] = useState<{ started: Schemas["GoogleSignInStarted"]; project: string }>();
  const toAll = () => void navigate({ to: "/connections" });
  const signedIn = async () => {
    await queries.invalidateQueries({ queryKey: ["records"] });
    toAll();
  };
  const save = async ({ settings, ...about }: ConnectionValues) => {
    if (settings.type === "google_drive") {
      const body = { ...about, settings: googleSettingsOf(settings) };
      const started = await answer(api.POST("/api/v1/connections/google/device", { body }));
      setSignIn({ started, project: about.project });
      return false;
    }
    await answer(api.POST("/api/v1/connections", { body: { ...about, settings: settingsOf(settings) } }));
    await queries.invalidateQueries({ queryKey: ["records"] });
    return true;
  };
  return (
    <>
      <PageHead title={texts.records.connection.add} />
      {signIn !== undefined && <GoogleSignIn {...signIn} done={() => void signedIn()} stop={() => setSignIn(undefined)} />}
      {/* What was entered stays, for when the sign-in comes to nothing. */}
      <div className={signIn === undefined ? "" : "hidden"}>
        <NewRecord action="editConnections">
          {(project) => (
            <ConnectionForm
              key={type}
              isNew
              values={{ project, name: "", node: "", settings: emptySettings(type) }}
              save={save}
              saved={(isSaved) => {
                if (isSaved) {
                  toAll();
                }
              }}
            />
          )}
        </NewRecord>
      </div>
    </>
  );
}
