import { useFormContext } from "react-hook-form";

import { useMay } from "../../api/roles";
import { CheckField, MoreFields, SelectField, TextField } from "../../components/fields";
import { CONNECTION_TYPES, type ConnectionType } from "../../lib/search";
import { useTexts } from "../../texts";
import { GoogleFields } from "./GoogleFields";
import { KeepingFields } from "./KeepingFields";
import { MongodbFields } from "./MongodbFields";
import { MysqlFields } from "./MysqlFields";
import { ReceiverFields } from "./ReceiverFields";

/** What a connection of each type is asked for. Names begin with `at`. */
export function SettingsFields({ at, isNew }: { at: string; isNew: boolean }) {
  const { watch } = useFormContext();
  const type = watch(`${at}.type`) as ConnectionType;
  switch (type) {
    case "local":
      return <LocalFields at={at} />;
    case "s3":
      return <S3Fields at={at} isNew={isNew} />;
    case "receiver":
      return <ReceiverFields at={at} isNew={isNew} />;
    case "google_drive":
      return <GoogleFields at={at} isNew={isNew} />;
    case "mysql":
      return <MysqlFields at={at} isNew={isNew} />;
    case "mongodb":
      return <MongodbFields at={at} isNew={isNew} />;
  }
}

type TypeProps = { at: string; types?: readonly ConnectionType[] };

export function TypeField({ at, types = CONNECTION_TYPES }: TypeProps) {
  const words = useTexts().records.connection;
  const choices = types.map((type) => [type, words.types[type]] as const);
  return <SelectField name={`${at}.type`} label={words.type} choices={choices} />;
}

function LocalFields({ at }: { at: string }) {
  const words = useTexts().records.connection;
  return (
    <TextField name={`${at}.path`} label={words.path} hint={words.pathHint} placeholder="/srv/backups" spellCheck={false} />
  );
}

function S3Fields({ at, isNew }: { at: string; isNew: boolean }) {
  const words = useTexts().records.connection;
  const { watch } = useFormContext();
  const project: unknown = watch("project");
  const mayAllow = useMay("allowPrivate", typeof project === "string" ? project : undefined);
  const styles = (["auto", "path", "host"] as const).map((style) => [style, words.styles[style]] as const);
  return (
    <>
      <TextField
        name={`${at}.endpoint`}
        label={words.endpoint}
        hint={words.endpointHint}
        placeholder="https://s3.example.org"
        inputMode="url"
        spellCheck={false}
      />
      <TextField name={`${at}.bucket`} label={words.bucket} spellCheck={false} />
      <TextField name={`${at}.access_key`} label={words.accessKey} spellCheck={false} />
      <TextField
        name={`${at}.secret_key`}
        label={words.secretKey}
        type="password"
        autoComplete="new-password"
        {...(!isNew && { hint: words.keepSecret })}
      />
      {mayAllow && <CheckField name={`${at}.allow_private`} label={words.allowPrivate} hint={words.allowPrivateHint} />}
      <MoreFields title={words.more}>
        <TextField name={`${at}.region`} label={words.region} hint={words.regionHint} spellCheck={false} />
        <SelectField name={`${at}.style`} label={words.style} choices={styles} />
      </MoreFields>
      <KeepingFields at={at} />
    </>
  );
}
