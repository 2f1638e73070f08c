import { useFormContext } from "react-hook-form";

import { useMay } from "../../api/roles";
import { CheckField, MoreFields, TextField } from "../../components/fields";
import { useTexts } from "../../texts";

/** How a server of MongoDB is reached. */
export function MongodbFields({ at, isNew }: { at: string; isNew: boolean }) {
  const { mongodb: words, mysql, records } = useTexts();
  const { watch } = useFormContext();
  const project: unknown = watch("project");
  const mayAllow = useMay("allowPrivate", typeof project === "string" ? project : undefined);
  return (
    <>
      <TextField
        name={`${at}.uri`}
        label={words.uri}
        hint={words.uriHint}
        placeholder="mongodb://db.example.org:27017/"
        inputMode="url"
        spellCheck={false}
      />
      <TextField name={`${at}.user`} label={words.user} hint={words.userHint} spellCheck={false} />
      <TextField
        name={`${at}.password`}
        label={mysql.password}
        type="password"
        autoComplete="new-password"
        {...(!isNew && { hint: mysql.keepPassword })}
      />
      {mayAllow && <CheckField name={`${at}.allow_private`} label={records.connection.allowPrivate} hint={words.allowPrivateHint} />}
      <MoreFields title={records.connection.more}>
        <TextField name={`${at}.auth_database`} label={words.authDatabase} hint={words.authDatabaseHint} spellCheck={false} />
      </MoreFields>
    </>
  );
}
