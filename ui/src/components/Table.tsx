import type { ReactNode } from "react";

const CELL = "px-3 py-2 align-middle";

type Row = { key: string; cells: readonly ReactNode[] };

/** A table; on narrow screens each row is a card. The first cell of a row names it. */
export function Table({ label, heads, rows }: { label: string; heads: readonly string[]; rows: readonly Row[] }) {
  return (
    <div className="rounded-lg border border-line bg-card lg:overflow-x-auto">
      <table className="w-full text-sm max-lg:block" aria-label={label}>
        <thead className="border-b border-line text-left text-xs text-faint max-lg:sr-only">
          <tr>
            {heads.map((head) => (
              <th key={head} scope="col" className={`${CELL} font-semibold`}>
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className="divide-y divide-line max-lg:block">
          {rows.map(({ key, cells }) => (
            <tr key={key} className="hover:bg-raised max-lg:block max-lg:px-1 max-lg:py-2">
              {cells.map((cell, place) => (
                <td
                  key={heads[place]}
                  className={`${CELL} wrap-anywhere max-lg:flex max-lg:gap-2 max-lg:py-1 ${place === 0 ? "lg:min-w-48" : ""}`}
                >
                  {place > 0 && (
                    <span aria-hidden className="w-32 shrink-0 text-xs leading-5 text-faint lg:hidden">
                      {heads[place]}
                    </span>
                  )}
                  <div className="min-w-0">{cell}</div>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
