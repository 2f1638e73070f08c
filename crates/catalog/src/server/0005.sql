-- What the runs of plans did that ended on a UTC day, by how they ended. What belongs to a day stays until runs of that day are
-- no longer kept.
CREATE TABLE run_sums (
    project TEXT NOT NULL,
    kind TEXT NOT NULL,
    day BIGINT NOT NULL,
    plan TEXT NOT NULL,
    node TEXT NOT NULL,
    ended TEXT NOT NULL,
    runs BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    added BIGINT NOT NULL,
    time BIGINT NOT NULL,
    longest BIGINT NOT NULL,
    PRIMARY KEY (project, kind, day, plan, node, ended)
);

-- When a plan's run of a kind last ended well.
CREATE TABLE plan_lasts (
    project TEXT NOT NULL,
    plan TEXT NOT NULL,
    kind TEXT NOT NULL,
    node TEXT NOT NULL,
    ended BIGINT NOT NULL,
    PRIMARY KEY (project, plan, kind, node)
);

-- What a node's backups have added to a repository, from the first one on.
CREATE TABLE storage_sums (
    repository TEXT NOT NULL,
    project TEXT NOT NULL,
    node TEXT NOT NULL,
    added BIGINT NOT NULL,
    snapshots BIGINT NOT NULL,
    ended BIGINT NOT NULL,
    PRIMARY KEY (repository, project, node)
);
