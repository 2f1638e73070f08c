import { useFormContext } from "react-hook-form";

import { useMay } from "../../api/roles";
import { ChoiceField } from "../../components/ChoiceField";
import { CheckField, LinesField, NumberField, TextField } from "../../components/fields";
import { TRUSTS } from "../../lib/connection";
import { useTexts } from "../../texts";

/** How a receiver is reached, and how it is known to be the right one. */
export function ReceiverFields({ at, isNew }: { at: string; isNew: boolean }) {
  const { records } = useTexts();
  const words = records.receiver;
  const { watch } = useFormContext();
  const [project, trust]: unknown[] = watch(["project", `${at}.trust`]);
  const mayAllow = useMay("allowPrivate", typeof project === "string" ? project : undefined);
  return (
    <>
      <p className="text-sm text-faint">{words.hint}</p>
      <div className="grid gap-4 sm:grid-cols-[1fr_8rem]">
        <TextField
          name={`${at}.receiver_host`}
          label={words.host}
          hint={words.hostHint}
          placeholder="backup.example.org"
          inputMode="url"
          spellCheck={false}
        />
        <NumberField name={`${at}.receiver_port`} label={words.port} min={1} max={65_535} />
      </div>
      <TextField
        name={`${at}.token`}
        label={words.token}
        hint={isNew ? words.tokenHint : records.connection.keepSecret}
        type="password"
        autoComplete="new-password"
      />
      <ChoiceField name={`${at}.trust`} legend={words.trust} values={TRUSTS} labels={words.trusts} hints={words.trustHints} />
      {trust === "fingerprint" && (
        <TextField name={`${at}.fingerprint`} label={words.fingerprint} hint={words.fingerprintHint} spellCheck={false} />
      )}
      {trust === "authority" && <LinesField name={`${at}.authority`} label={words.authority} hint={words.authorityHint} rows={8} />}
      {mayAllow && (
        <CheckField name={`${at}.allow_private`} label={records.connection.allowPrivate} hint={words.allowPrivateHint} />
      )}
    </>
  );
}
