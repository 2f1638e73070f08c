import type { Schemas } from "../../api/client";
import { Once } from "../../components/Once";
import { Notice } from "../../components/Notice";
import { useTexts } from "../../texts";

/** A link by which a person chooses a password. */
export function Invitation({ link: { link, mailed }, email }: { link: Schemas["PasswordLink"]; email: string }) {
  const texts = useTexts();
  return (
    <div className="flex flex-col gap-3">
      <Once label={texts.people.link} text={link} hint={texts.people.linkHint} />
      {mailed ? <Notice>{texts.people.mailed(email)}</Notice> : <Notice tone="warn">{texts.people.notMailed}</Notice>}
    </div>
  );
}
