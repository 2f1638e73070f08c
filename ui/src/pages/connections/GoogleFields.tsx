import { useFormContext } from "react-hook-form";

import { useMay } from "../../api/roles";
import { CheckField, MoreFields, TextField } from "../../components/fields";
import { useTexts } from "../../texts";

/** By which application Google Drive is reached, and in which folder of it. */
export function GoogleFields({ at, isNew }: { at: string; isNew: boolean }) {
  const { records } = useTexts();
  const words = records.google;
  const { watch } = useFormContext();
  const project: unknown = watch("project");
  const mayAllow = useMay("allowPrivate", typeof project === "string" ? project : undefined);
  return (
    <>
      <p className="text-sm text-faint">{words.hint}</p>
      <TextField
        name={`${at}.client_id`}
        label={words.clientId}
        hint={words.clientIdHint}
        placeholder="1234-abcd.apps.googleusercontent.com"
        spellCheck={false}
      />
      <TextField
        name={`${at}.client_secret`}
        label={words.clientSecret}
        type="password"
        autoComplete="new-password"
        {...(!isNew && { hint: records.connection.keepSecret })}
      />
      <TextField name={`${at}.folder`} label={words.folder} hint={words.folderHint} spellCheck={false} />
      {mayAllow && (
        <MoreFields title={records.connection.more}>
          <TextField name={`${at}.endpoint`} label={records.connection.endpoint} hint={words.endpointHint} inputMode="url" spellCheck={false} />
          <CheckField name={`${at}.allow_private`} label={records.connection.allowPrivate} hint={records.connection.allowPrivateHint} />
        </MoreFields>
      )}
    </>
  );
}
