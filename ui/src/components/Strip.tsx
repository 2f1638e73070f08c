import type { Day } from "../lib/verdict";
import { useSpeech } from "../texts";

const colour = ({ good, bad, partly = 0 }: Day): string => {
  if (good + bad + partly === 0) {
    return "bg-line";
  }
  if (bad + partly === 0) {
    return "bg-good";
  }
  return good + partly === 0 ? "bg-bad" : "bg-warn";
};

/** A bar for each day: what became of its backups. */
export function Strip({ days }: { days: Day[] }) {
  const { texts, language } = useSpeech();
  const told = (day: Day) =>
    texts.overview.day(
      new Date(`${day.day}T12:00:00`).toLocaleDateString(language, { day: "numeric", month: "long" }),
      day.good,
      day.bad,
      day.partly ?? 0,
    );
  return (
    <ol className="flex h-6 items-stretch gap-0.5" aria-label={texts.overview.last30}>
      {days.map((day) => (
        <li key={day.day} title={told(day)} className={`min-w-1 grow rounded-xs ${colour(day)}`}>
          <span className="sr-only">{told(day)}</span>
        </li>
      ))}
    </ol>
  );
}
