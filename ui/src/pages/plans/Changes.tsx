import type { Plan } from "../../api/queries";
import { changes } from "../../lib/plan/changes";
import { describeRetention, describeSchedule } from "../../lib/plan/describe";
import { useSpeech } from "../../texts";

type Props = { before: Plan; after: Plan; nameOf: (id: string) => string };

/** What is different between two versions of a plan. */
export function Changes({ before, after, nameOf }: Props) {
  const { texts, language } = useSpeech();
  const words = texts.plan.revisions;
  const say = (group: string, { schedule, retention, enabled }: Plan) =>
    ({
      schedule: describeSchedule(schedule, texts.plan, language),
      retention: describeRetention(retention, texts.plan, language).join(" "),
      enabled: enabled === false ? texts.plan.off : texts.plan.on,
    })[group];
  const found = changes(before, after, { nameOf, say });
  if (found.length === 0) {
    return <p className="text-sm text-faint">{words.same}</p>;
  }
  const called = (field: string) => {
    const [group = "", ...rest] = field.split(" ");
    return [words.groups[group] ?? group, ...rest].join(" › ");
  };
  const cell = "px-3 py-2 text-left align-top wrap-anywhere";
  return (
    <div className="overflow-x-auto" tabIndex={0} role="group" aria-label={words.changes}>
      <table className="w-full min-w-md text-sm">
        <thead className="border-b border-line text-xs text-faint">
          <tr>
            {[words.field, words.before, words.after].map((head) => (
              <th key={head} scope="col" className={`${cell} font-semibold`}>
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className="divide-y divide-line">
          {found.map(({ field, before, after }) => (
            <tr key={field}>
              <th scope="row" className={`${cell} font-normal`}>
                {called(field)}
              </th>
              <td className={`${cell} text-bad`}>{before ?? words.nothing}</td>
              <td className={`${cell} text-good`}>{after ?? words.nothing}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
