import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { useFormContext } from "react-hook-form";

import { Problem } from "../../api/client";
import { preview } from "../../api/records";
import { momentIn } from "../../lib/format";
import { describeSchedule } from "../../lib/plan/describe";
import type { PlanValues } from "../../lib/plan/form";
import { scheduleOf, scheduleSchema } from "../../lib/plan/schedule";
import { useSpeech } from "../../texts";

/** While somebody types, the server is not asked. */
const PAUSE = 300;

function useLater<T>(value: T): T {
  const [later, setLater] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setLater(value), PAUSE);
    return () => clearTimeout(timer);
  }, [value]);
  return later;
}

/** What a schedule comes to: in words, and the next times. */
export function SchedulePreview() {
  const { texts, language } = useSpeech();
  const words = texts.plan;
  const { watch } = useFormContext<PlanValues>();
  const text = JSON.stringify(watch("schedule"));
  const entered = useLater(text);
  const schedule = useMemo(() => {
    const nothing = { required: "", time: "", positive: "" };
    const read = scheduleSchema(nothing).safeParse(JSON.parse(entered));
    return read.success ? scheduleOf(read.data) : undefined;
  }, [entered]);
  const query = useQuery({
    ...preview(schedule ?? { when: "manual" }),
    enabled: schedule !== undefined,
    placeholderData: keepPreviousData,
  });
  return (
    <div role="status" className="min-h-36 rounded border border-line bg-ground p-3 text-sm">
      <p className="text-xs text-faint">{words.preview}</p>
      {schedule === undefined ? (
        <p>{words.previewUnready}</p>
      ) : query.isError ? (
        <>
          <p className="font-semibold text-bad">{words.previewWrong}</p>
          <p className="wrap-anywhere">{query.error.message}</p>
          {query.error instanceof Problem && <p className="text-faint">{query.error.hint}</p>}
        </>
      ) : (
        <>
          <p className="font-semibold wrap-anywhere">{describeSchedule(schedule, words, language)}.</p>
          {query.data?.next.length === 0 && <p className="mt-2 text-faint">{words.previewNone}</p>}
          {query.data !== undefined && query.data.next.length > 0 && (
            <>
              <p className="mt-2 text-xs text-faint">{words.previewTimes}</p>
              <ol>
                {query.data.next.map((time) => (
                  <li key={time} className="tabular-nums">
                    <time dateTime={time}>{momentIn(time, schedule.zone ?? "UTC", language)}</time>
                  </li>
                ))}
              </ol>
            </>
          )}
        </>
      )}
    </div>
  );
}
