// Many runs at once: the rows of a real one, again and again, in the catalog of a server that is stopped.

import { execFileSync } from "node:child_process";
import { join } from "node:path";

import type { Server } from "./server";

/**
 * Copies of a run, one for each minute before it; each third one failed. The counts by day are made anew for all that the copies
 * count for.
 */
const COPIES = `
CREATE TEMP TABLE copies AS
  WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :count)
  SELECT n, printf('%s%08x', substr(id, 1, 28), n) AS id, id AS model, created - n * 60000000 AS created,
    CASE n % 3 WHEN 0 THEN 'failed' ELSE 'completed' END AS state
  FROM numbers, runs WHERE runs.id = :run;
INSERT INTO runs (id, project, node, kind, state, plan, source, created, ended, revision, doc)
  SELECT c.id, project, node, kind, c.state, plan, source, c.created, c.created + 1000000, revision,
    json_set(doc, '$.id', c.id, '$.state', c.state,
      '$.created', strftime('%Y-%m-%dT%H:%M:%SZ', c.created / 1000000, 'unixepoch'),
      '$.started', strftime('%Y-%m-%dT%H:%M:%SZ', c.created / 1000000, 'unixepoch'),
      '$.ended', strftime('%Y-%m-%dT%H:%M:%SZ', c.created / 1000000 + 1, 'unixepoch'))
  FROM copies c JOIN runs ON runs.id = c.model;
INSERT INTO run_destinations (destination, run, kind, state, created, project, plan, source, node)
  SELECT destination, c.id, kind, c.state, c.created, project, plan, source, node
  FROM copies c JOIN run_destinations ON run = c.model;
INSERT INTO run_tallies (subject, kind, state, day, project, runs)
  SELECT subject, kind, c.state, c.created / 86400000000, project, count(*)
  FROM copies c JOIN run_tallies t ON t.runs > 0 AND t.state = 'completed' AND t.kind = (SELECT kind FROM runs WHERE id = c.model)
  GROUP BY subject, kind, c.state, c.created / 86400000000, project
  ON CONFLICT (subject, kind, state, day, project) DO UPDATE SET runs = runs + excluded.runs;
`;

// Node 20 has no SQLite of its own; Python, which the peers are installed with, has.
const PROGRAM = `
import sqlite3, sys
path, run, count, statements = sys.argv[1:]
base = sqlite3.connect(path)
for statement in filter(str.strip, statements.split(";")):
    base.execute(statement, {"run": run, "count": int(count)})
base.commit()
`;

/** Adds this many copies of the only run there is, which has to be one that completed. */
export function multiply(server: Server, run: string, count: number): void {
  execFileSync("python3", ["-c", PROGRAM, join(server.folder, "data", "server.db"), run, String(count), COPIES]);
}
