import type { Comparison } from "../../api/snapshots";
import { size } from "../../lib/format";
import { useSpeech } from "../../texts";
import { Card } from "../basics";
import { Name } from "../Name";

/** By how much one snapshot is larger than another, and why. */
export function Growth({ comparison }: { comparison: Comparison }) {
  const { texts, language } = useSpeech();
  const { added, removed, grown, shrunk, folders } = comparison;
  const words = texts.snapshots;
  const signed = (bytes: number) => `${bytes < 0 ? "−" : "+"}${size(Math.abs(bytes), language)}`;
  const sum = added.bytes + grown.bytes - removed.bytes - shrunk.bytes;
  const sums = [
    [words.sums.added, added, 1],
    [words.sums.removed, removed, -1],
    [words.sums.grown, grown, 1],
    [words.sums.shrunk, shrunk, -1],
  ] as const;
  const most = Math.max(1, ...folders.map(({ bytes }) => Math.abs(bytes)));
  return (
    <Card title={sum === 0 ? words.sameSize : sum > 0 ? words.larger(size(sum, language)) : words.smaller(size(-sum, language))}>
      <dl className="grid grid-cols-2 gap-3 text-sm lg:grid-cols-4">
        {sums.map(([name, { items, bytes }, sign]) => (
          <div key={name}>
            <dt className="text-xs text-faint">{name}</dt>
            <dd className="tabular-nums">
              {words.items(items, items.toLocaleString(language))}
              {bytes > 0 && <span className="text-faint"> · {signed(sign * bytes)}</span>}
            </dd>
          </div>
        ))}
      </dl>
      {folders.length > 0 && (
        <>
          <h3 className="mt-4 mb-2 text-sm font-semibold">{words.whyGrown}</h3>
          <ul className="flex flex-col gap-2 text-sm">
            {folders.map(({ path, bytes }) => (
              <li key={path}>
                <div className="flex items-baseline justify-between gap-4">
                  <Name className="min-w-0 whitespace-pre-wrap wrap-anywhere">{path}</Name>
                  <span className="shrink-0 font-semibold tabular-nums">{signed(bytes)}</span>
                </div>
                <div aria-hidden className="mt-0.5 h-1.5 rounded bg-raised">
                  <div
                    className={`h-full rounded ${bytes < 0 ? "bg-idle" : "bg-accent"}`}
                    style={{ width: `${(100 * Math.abs(bytes)) / most}%` }}
                  />
                </div>
              </li>
            ))}
          </ul>
        </>
      )}
    </Card>
  );
}
