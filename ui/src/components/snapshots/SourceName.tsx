/** What a snapshot is of. Names keep their own direction, whatever stands beside them. */
export function SourceName({ host, paths }: { host: string; paths: readonly string[] }) {
  const shown = paths.slice(0, 3);
  return (
    <span className="min-w-0 wrap-anywhere" title={paths.join("\n")}>
      <bdi className="font-semibold">{host}</bdi>{" "}
      <span className="text-faint">
        {shown.map((path, place) => (
          <span key={path}>
            {place > 0 && ", "}
            <bdi>{path}</bdi>
          </span>
        ))}
        {paths.length > shown.length && ` +${paths.length - shown.length}`}
      </span>
    </span>
  );
}
