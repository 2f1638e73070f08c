// The sections whose settings are lengths of time.

import { answer, api } from "../../api/client";
import { checkSettings, retentionSettings, signInSettings } from "../../api/people";
import { useTexts } from "../../texts";
import { LengthsForm } from "./LengthsForm";

export function SignIn() {
  const words = useTexts().people.settings;
  return (
    <LengthsForm
      title={words.tabs["sign-in"]}
      hint={words.signInHint}
      fields={[{ name: "idle_timeout", label: words.idle, hint: words.idleHint }]}
      query={{
        queryKey: signInSettings().queryKey,
        queryFn: async () => ({ idle_timeout: "", ...(await answer(api.GET("/api/v1/settings/sign-in"))) }),
      }}
      save={({ idle_timeout = "" }) => answer(api.PUT("/api/v1/settings/sign-in", { body: { idle_timeout } }))}
    />
  );
}

export function Retention() {
  const words = useTexts().people.settings;
  return (
    <LengthsForm
      title={words.tabs.retention}
      hint={words.retentionHint}
      fields={[
        { name: "logs", label: words.logs, hint: words.logsHint },
        { name: "runs", label: words.runs, hint: words.runsHint },
      ]}
      query={{
        queryKey: retentionSettings().queryKey,
        queryFn: async () => ({ logs: "", runs: "", ...(await answer(api.GET("/api/v1/settings/retention"))) }),
      }}
      save={({ logs = "", runs = "" }) => answer(api.PUT("/api/v1/settings/retention", { body: { logs, runs } }))}
    />
  );
}

export function Checks() {
  const words = useTexts().people.settings;
  return (
    <LengthsForm
      title={words.tabs.checks}
      hint={words.checksHint}
      fields={[
        { name: "every", label: words.every, hint: words.everyHint },
        { name: "failing_every", label: words.failingEvery, hint: words.failingEveryHint },
      ]}
      query={{
        queryKey: checkSettings().queryKey,
        queryFn: async () => ({ every: "", failing_every: "", ...(await answer(api.GET("/api/v1/settings/connection-checks"))) }),
      }}
      save={({ every = "", failing_every = "" }) =>
        answer(api.PUT("/api/v1/settings/connection-checks", { body: { every, failing_every } }))
      }
    />
  );
}
