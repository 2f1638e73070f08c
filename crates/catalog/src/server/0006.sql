-- How the last run of a plan's source came to an end by itself, by kind, and the last that went well.
CREATE TABLE source_lasts (
    project TEXT NOT NULL,
    plan TEXT NOT NULL,
    source TEXT NOT NULL,
    kind TEXT NOT NULL,
    node TEXT NOT NULL,
    run TEXT NOT NULL,
    ended TEXT NOT NULL,
    errors BIGINT NOT NULL,
    at BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    good_at BIGINT,
    PRIMARY KEY (project, plan, source, kind, node)
);

-- When a repository was last proved: verified, or restored from.
CREATE TABLE repository_lasts (
    project TEXT NOT NULL,
    repository TEXT NOT NULL,
    kind TEXT NOT NULL,
    node TEXT NOT NULL,
    ended BIGINT NOT NULL,
    PRIMARY KEY (project, repository, kind, node)
);

-- How much lay in a repository, and how much room there was, as last told on a UTC day.
CREATE TABLE storage_days (
    project TEXT NOT NULL,
    repository TEXT NOT NULL,
    day BIGINT NOT NULL,
    node TEXT NOT NULL,
    at BIGINT NOT NULL,
    stored BIGINT,
    free BIGINT,
    PRIMARY KEY (project, repository, day, node)
);
