import { useTexts } from "../texts";
import { LinesField, TextField } from "./fields";

/** A program, its arguments and its variables. Names begin with `at`. */
export function CommandFields({ at }: { at: string }) {
  const words = useTexts().plan;
  return (
    <>
      <TextField name={`${at}.program`} label={words.program} hint={words.programHint} spellCheck={false} />
      <LinesField name={`${at}.arguments`} label={words.arguments} hint={words.argumentsHint} />
      <LinesField name={`${at}.environment`} label={words.environment} hint={words.environmentHint} rows={2} />
    </>
  );
}
