import { AmountField } from "../../components/AmountField";
import { CheckField, Fields, LinesField, MoreFields } from "../../components/fields";
import { BYTES } from "../../lib/amount";
import { useTexts } from "../../texts";
import { WayFields } from "./WayFields";

/** What a source that is a bucket is asked for. */
export function BucketFields() {
  const texts = useTexts();
  const { bucket: words, records } = texts;
  return (
    <>
      <WayFields type="s3" title={words.title} hint={words.connectionHint} action="editConnections" />
      <Fields title={words.objects}>
        <LinesField name="s3.prefixes" label={words.prefixes} hint={words.prefixesHint} />
        <LinesField name="s3.excludes" label={words.excludes} hint={words.excludesHint} />
      </Fields>
      <MoreFields title={records.more}>
        <AmountField name="s3.exclude_larger_than" label={words.larger} hint={records.source.largerHint} units={BYTES} />
        <CheckField name="s3.tags" label={words.tags} hint={words.tagsHint} />
      </MoreFields>
    </>
  );
}
