-- What belongs to a run, here again for indexes that lead to runs of three things together.
ALTER TABLE run_destinations ADD COLUMN project TEXT;
ALTER TABLE run_destinations ADD COLUMN plan TEXT;
ALTER TABLE run_destinations ADD COLUMN source TEXT;
ALTER TABLE run_destinations ADD COLUMN node TEXT;
UPDATE run_destinations SET project = runs.project, plan = runs.plan, source = runs.source, node = runs.node
    FROM runs WHERE runs.id = run_destinations.run;

CREATE INDEX runs_together ON runs (source, plan, node, project, kind, state, created);
CREATE INDEX run_destinations_source ON run_destinations (destination, source, plan, node, project, kind, state, created);
CREATE INDEX run_destinations_plan ON run_destinations (destination, plan, node, project, kind, state, created);
