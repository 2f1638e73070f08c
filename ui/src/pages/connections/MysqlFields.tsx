import { useFormContext } from "react-hook-form";

import { useMay } from "../../api/roles";
import { ChoiceField } from "../../components/ChoiceField";
import { NumberField, SelectField, TextField } from "../../components/fields";
import { Notice } from "../../components/Notice";
import { OWN_HOSTS } from "../../lib/connection";
import { useTexts } from "../../texts";

/** How an instance is reached. It is on the node's own host, which only owners may have connected to. */
export function MysqlFields({ at, isNew }: { at: string; isNew: boolean }) {
  const words = useTexts().mysql;
  const { watch } = useFormContext();
  const [project, reach]: unknown[] = watch(["project", `${at}.reach`]);
  const mayAllow = useMay("allowPrivate", typeof project === "string" ? project : undefined);
  if (!mayAllow && isNew) {
    return <Notice tone="warn">{words.connectionForOwner}</Notice>;
  }
  return (
    <>
      {mayAllow ? (
        <>
          <ChoiceField name={`${at}.reach`} legend={words.reach} values={["socket", "tcp"]} labels={words.reaches} />
          {reach === "socket" ? (
            <TextField name={`${at}.socket`} label={words.socket} spellCheck={false} />
          ) : (
            <>
              <SelectField
                name={`${at}.host`}
                label={words.host}
                hint={words.hostHint}
                choices={OWN_HOSTS.map((host) => [host, host] as const)}
              />
              <NumberField name={`${at}.port`} label={words.port} min={1} max={65_535} />
            </>
          )}
          <TextField name={`${at}.user`} label={words.user} hint={words.userHint} spellCheck={false} />
        </>
      ) : (
        <p className="text-sm text-faint">{words.connectionStays}</p>
      )}
      <TextField
        name={`${at}.password`}
        label={words.password}
        type="password"
        autoComplete="new-password"
        {...(!isNew && { hint: words.keepPassword })}
      />
    </>
  );
}
