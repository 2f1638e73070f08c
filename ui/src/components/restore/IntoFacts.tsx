import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import type { Schemas } from "../../api/client";
import { connections } from "../../api/queries";
import { placeOf } from "../../lib/connection";
import { useTexts } from "../../texts";
import { bucketName } from "./IntoBucket";

/** The service that it went to. */
export function IntoPlace({ into }: { into: Exclude<Schemas["RestoreInto"], { type: "sqlite" }> }) {
  const { bucket, mongodb } = useTexts();
  const { data } = useQuery(connections());
  const way = data?.find(({ id }) => id === into.connection);
  if (data !== undefined && way === undefined) {
    return into.type === "s3" ? bucket.gone : mongodb.gone;
  }
  return (
    <Link to="/connections/$id" params={{ id: into.connection }} className="text-accent wrap-anywhere hover:underline">
      {into.type === "s3" ? bucket.place(bucketName(way), into.prefix ?? "") : way === undefined ? "…" : placeOf(way.settings)}
    </Link>
  );
}
