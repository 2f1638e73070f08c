import { useId } from "react";

import { momentIn } from "../../lib/format";
import { isWithin, type Window } from "../../lib/moments";
import { ofField, toField } from "../../lib/restore";
import { useSpeech } from "../../texts";
import { Field, inputClass } from "../basics";

/** Whether one can not go back to a moment, as far as is known. */
export const isOutside = (windows: readonly Window[] | undefined, until: string | undefined): boolean =>
  windows !== undefined && until !== undefined && !isWithin(windows, until);

type Props = {
  until: string | undefined;
  /** Which moments there are; nothing where that is not known. */
  windows: readonly Window[] | undefined;
  choose: (until: string | undefined) => void;
};

/** The moment to go back to, and to which one can. */
export function MomentField({ until, windows, choose }: Props) {
  const { texts, language } = useSpeech();
  const words = texts.mongodb;
  const id = useId();
  // By the clock here, as in the field.
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const time = (at: string) => momentIn(at, zone, language, true);
  const isWrong = isOutside(windows, until);
  return (
    <div className="max-w-lg">
      <Field label={words.until}>
        <input
          type="datetime-local"
          step={1}
          className={inputClass}
          value={toField(until)}
          aria-invalid={isWrong}
          aria-describedby={`${id}-until ${id}-windows`}
          onChange={({ target }) => choose(ofField(target.value))}
        />
      </Field>
      <p id={`${id}-until`} className="mt-1 text-xs text-faint">
        {words.untilHint}
      </p>
      <div id={`${id}-windows`} className={isWrong ? "mt-1 text-sm text-bad" : "mt-1 text-xs text-faint tabular-nums"} {...(isWrong && { role: "alert" })}>
        {isWrong && <p>{windows?.length === 0 ? words.noMoment : words.outside}</p>}
        {windows?.map(({ from, until }) => (
          <p key={from}>{texts.plan.anyMoment(time(from), time(until))}</p>
        ))}
      </div>
    </div>
  );
}
