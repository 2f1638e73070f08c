import { Name } from "../Name";
import { isolated } from "../../lib/shown";

/** What a snapshot is of. Names keep their own direction, whatever stands beside them. */
export function SourceName({ host, paths }: { host: string; paths: readonly string[] }) {
  const first = paths.slice(0, 3);
  return (
    <span className="min-w-0 wrap-anywhere" title={paths.map(isolated).join("\n")}>
      <Name className="font-semibold">{host}</Name>{" "}
      <span className="text-faint">
        {first.map((path, place) => (
          <span key={path}>
            {place > 0 && ", "}
            <Name>{path}</Name>
          </span>
        ))}
        {paths.length > first.length && ` +${paths.length - first.length}`}
      </span>
    </span>
  );
}
