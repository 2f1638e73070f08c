import { AmountField } from "../../components/AmountField";
import { CheckField, Fields, LinesField, MoreFields } from "../../components/fields";
import { BYTES } from "../../lib/amount";
import { useTexts } from "../../texts";
import { ExcludesField } from "./ExcludesField";
import { PathsField } from "./PathsField";

/** What a source of files is asked for. */
export function FilesFields() {
  const { more, source: words } = useTexts().records;
  return (
    <>
      <Fields title={words.paths}>
        <PathsField />
      </Fields>
      <Fields title={words.leftOut}>
        <ExcludesField />
        <CheckField name="spec.exclude_caches" label={words.caches} hint={words.cachesHint} />
      </Fields>
      <MoreFields title={more}>
        <LinesField name="spec.exclude_if_present" label={words.present} hint={words.presentHint} rows={2} />
        <AmountField name="spec.exclude_larger_than" label={words.larger} hint={words.largerHint} units={BYTES} />
        <CheckField name="spec.one_file_system" label={words.oneSystem} hint={words.oneSystemHint} />
      </MoreFields>
    </>
  );
}
