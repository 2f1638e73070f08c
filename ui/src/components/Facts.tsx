import type { ReactNode } from "react";

import { Breaking } from "./Name";

export type Fact = readonly [name: string, value: ReactNode];

/** What is known of something, each with its name; what is not known is left out. */
export function Facts({ facts }: { facts: readonly Fact[] }) {
  return (
    <dl className="grid grid-cols-2 gap-x-6 gap-y-3 text-sm sm:grid-cols-3 xl:grid-cols-4">
      {facts
        .filter(([, value]) => value !== undefined && value !== null && value !== false && value !== "")
        .map(([name, value]) => (
          <div key={name} className="min-w-0">
            <dt className="text-xs text-faint">{name}</dt>
            <dd className="wrap-anywhere tabular-nums">
              {typeof value === "string" ? <Breaking>{value}</Breaking> : value}
            </dd>
          </div>
        ))}
    </dl>
  );
}
