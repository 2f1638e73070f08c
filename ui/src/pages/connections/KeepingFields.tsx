import { useState } from "react";
import { useFormContext } from "react-hook-form";

import { ChoiceField } from "../../components/ChoiceField";
import { CheckField, MoreFields, NumberField, SelectField, TextField } from "../../components/fields";
import { Notice } from "../../components/Notice";
import { CLASSES, ENCRYPTIONS, LOCKS, TIERS, classOf, isArchive, type KeepingValues } from "../../lib/keeping";
import { useTexts } from "../../texts";

/** In which class a bucket keeps what is written to it, for how long nobody may delete it, and how it is encrypted there. */
export function KeepingFields({ at }: { at: string }) {
  const words = useTexts().keeping;
  const { watch } = useFormContext();
  const [lock, encryption] = watch([`${at}.lock.mode`, `${at}.encryption.mode`]) as [string, string];
  return (
    <MoreFields title={words.title}>
      <p className="text-sm text-faint">{words.hint}</p>
      <ClassFields at={at} />
      <ChoiceField name={`${at}.lock.mode`} legend={words.lock} values={LOCKS} labels={words.locks} hints={words.lockHints} />
      {lock !== "" && <NumberField name={`${at}.lock.days`} label={words.lockDays} hint={words.lockDaysHint} min={1} max={36_500} />}
      <ChoiceField
        name={`${at}.encryption.mode`}
        legend={words.encryption}
        values={ENCRYPTIONS}
        labels={words.encryptions}
        hints={words.encryptionHints}
      />
      {encryption === "kms" && <TextField name={`${at}.encryption.key`} label={words.key} hint={words.keyHint} spellCheck={false} />}
    </MoreFields>
  );
}

/** The class, and how what lies in an archive is brought back. */
function ClassFields({ at }: { at: string }) {
  const words = useTexts().keeping;
  const { watch } = useFormContext();
  const [chosen, typed, isOn] = watch([`${at}.class`, `${at}.storage_class`, `${at}.thaw.on`]) as [KeepingValues["class"], string, boolean];
  const name = classOf({ class: chosen, storage_class: typed });
  const inArchive = isArchive(name);
  // What was on when the page came can be turned off and on again.
  const [wasOn] = useState(isOn);
  const mayThaw = wasOn || isOn || chosen === "other";
  const tiers = words.tiers(name);
  return (
    <>
      <SelectField
        name={`${at}.class`}
        label={words.class}
        hint={words.classHint}
        choices={(["", ...CLASSES, "other"] as const).map((one) => [one, words.classes[one]] as const)}
      />
      {chosen === "other" && <TextField name={`${at}.storage_class`} label={words.other} hint={words.otherHint} spellCheck={false} />}
      {inArchive && <Notice tone="warn">{words.archive}</Notice>}
      {!inArchive && mayThaw && <CheckField name={`${at}.thaw.on`} label={words.thaw} hint={words.thawHint} />}
      {(inArchive || isOn) && (
        <div className="grid gap-4 sm:grid-cols-2">
          <SelectField name={`${at}.thaw.tier`} label={words.tier} hint={words.tierHint} choices={TIERS.map((tier) => [tier, tiers[tier]] as const)} />
          <NumberField name={`${at}.thaw.days`} label={words.thawDays} min={1} max={36_500} />
        </div>
      )}
    </>
  );
}
