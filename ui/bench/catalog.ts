// Fills the catalog of a server that is stopped.

import { execFileSync } from "node:child_process";
import { join } from "node:path";

import type { Server } from "./server";

/** The real runs that are there, again and again over the last 80 days, until there are so many; and their sums. */
export async function multiplyRuns(server: Server, runs: number): Promise<void> {
  await server.stop();
  const program = "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.executescript(sys.stdin.read()); db.commit()";
  execFileSync("python3", ["-c", program, join(server.folder, "data", "server.db")], { input: script(runs) });
  await server.start();
}

// Runs are told apart by their number: their ids sort as the moments do at which they were asked for.
const script = (runs: number) => `
PRAGMA journal_mode = WAL;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -400000;
BEGIN;
CREATE TEMP TABLE real AS SELECT row_number() OVER (ORDER BY created) - 1 AS place, * FROM runs;
CREATE TEMP TABLE many AS
  WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < ${runs} - (SELECT COUNT(*) FROM real)),
  times AS (
    SELECT n, (SELECT MIN(created) FROM real) - 1000000 - CAST((n + 1) * (80.0 * 86400000000 / ${runs}) AS INTEGER) AS at,
      (n * 7919) % (SELECT COUNT(*) FROM real) AS place
    FROM numbers)
  SELECT n, at, (real.ended - real.created) AS took, real.*,
    printf('%08x-%04x-7%03x-8000-%012x', (at / 1000) >> 16, (at / 1000) & 65535, n & 4095, n) AS new
  FROM times JOIN real ON real.place = times.place;
INSERT INTO runs (id, project, node, kind, state, plan, source, created, ended, revision, doc)
  SELECT new, project, node, kind, state, plan, source, at, at + took, revision,
    json_set(doc, '$.id', new,
      '$.created', strftime('%Y-%m-%dT%H:%M:%fZ', at / 1e6, 'unixepoch'),
      '$.started', strftime('%Y-%m-%dT%H:%M:%fZ', at / 1e6, 'unixepoch'),
      '$.ended', strftime('%Y-%m-%dT%H:%M:%fZ', (at + took) / 1e6, 'unixepoch'))
  FROM many ORDER BY at;
INSERT INTO run_destinations (destination, run, kind, state, created, project, plan, source, node)
  SELECT theirs.destination, many.new, many.kind, many.state, many.at, many.project, many.plan, many.source, many.node
  FROM many JOIN run_destinations AS theirs ON theirs.run = many.id ORDER BY theirs.destination, many.at;
CREATE TEMP TABLE sums AS
  SELECT project, node, plan, source, (SELECT destination FROM run_destinations WHERE run = many.id) AS destination, kind, state,
    at / 86400000000 AS day, COUNT(*) AS runs FROM many GROUP BY 1, 2, 3, 4, 5, 6, 7, 8;
WITH parts (project, kind, state, day, runs, one) AS (
    SELECT project, kind, state, day, runs, node FROM sums UNION ALL SELECT project, kind, state, day, runs, plan FROM sums
    UNION ALL SELECT project, kind, state, day, runs, source FROM sums
    UNION ALL SELECT project, kind, state, day, runs, destination FROM sums),
  pairs (project, kind, state, day, runs, one, other) AS (
    SELECT project, kind, state, day, runs, node, plan FROM sums UNION ALL SELECT project, kind, state, day, runs, node, source FROM sums
    UNION ALL SELECT project, kind, state, day, runs, node, destination FROM sums
    UNION ALL SELECT project, kind, state, day, runs, plan, source FROM sums
    UNION ALL SELECT project, kind, state, day, runs, plan, destination FROM sums
    UNION ALL SELECT project, kind, state, day, runs, source, destination FROM sums)
INSERT INTO run_tallies (subject, kind, state, day, project, runs)
  SELECT subject, kind, state, day, project, SUM(runs) FROM (
    SELECT project AS subject, kind, state, day, project, runs FROM sums
    UNION ALL SELECT one, kind, state, day, project, runs FROM parts
    UNION ALL SELECT MIN(one, other) || '+' || MAX(one, other), kind, state, day, project, runs FROM pairs) WHERE subject IS NOT NULL
  GROUP BY 1, 2, 3, 4, 5 ON CONFLICT DO UPDATE SET runs = runs + excluded.runs;
COMMIT;
`;
