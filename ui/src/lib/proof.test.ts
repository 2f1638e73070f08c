import { expect, it } from "vitest";

import type { Run } from "../api/queries";
import { verifiedAt } from "./proof";

const run = (ended: string, repository: string, more: Partial<Run> = {}) =>
  ({ state: "completed", ended, destinations: [{ repository, state: "completed" }], ...more }) as Run;

it("a repository is proved by its last verification that found no fault", () => {
  const good = run("2026-03-02T00:00:00Z", "r");
  const older = run("2026-03-01T00:00:00Z", "r");
  const failed = run("2026-03-03T00:00:00Z", "r", { state: "failed" });
  const faulty = run("2026-03-04T00:00:00Z", "r", { outcome: { errors: 1 } as NonNullable<Run["outcome"]> });
  expect(verifiedAt("r", [older, failed, faulty, good])).toBe(good.ended);
  expect(verifiedAt("other", [good])).toBeUndefined();
});
