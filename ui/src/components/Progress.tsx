import type { Run } from "../api/queries";
import { duration, size } from "../lib/format";
import { useSpeech } from "../texts";

/** How far a run is: a bar where the whole is known, and the figures. */
export function Progress({ run }: { run: Run }) {
  const { texts, language } = useSpeech();
  const progress = run.progress;
  if (!progress) {
    return null;
  }
  const { bytes = 0, total_bytes = 0, bytes_per_second = 0, files = 0, total_files = 0 } = progress;
  const part = total_bytes > 0 ? Math.min(1, bytes / total_bytes) : undefined;
  const parts = [
    total_bytes > 0 ? `${size(bytes, language)} / ${size(total_bytes, language)}` : size(bytes, language),
    `${files.toLocaleString(language)}${total_files > 0 ? ` / ${total_files.toLocaleString(language)}` : ""} ${texts.runs.files}`,
    ...(bytes_per_second > 0 ? [`${size(bytes_per_second, language)}/s`] : []),
    ...(progress.seconds_left ? [texts.runs.left(duration(progress.seconds_left, language))] : []),
  ];
  return (
    <div>
      <progress
        className="h-2 w-full overflow-hidden rounded [&::-moz-progress-bar]:bg-accent [&::-webkit-progress-bar]:bg-raised [&::-webkit-progress-value]:bg-accent"
        max={1}
        aria-label={texts.states.running}
        {...(part !== undefined && { value: part })}
      />
      <p className="mt-1 min-h-5 text-xs text-faint tabular-nums">{parts.join(" · ")}</p>
      <p className="min-h-5 truncate font-mono text-xs text-faint" title={progress.current ?? ""}>
        {progress.current}
      </p>
    </div>
  );
}
