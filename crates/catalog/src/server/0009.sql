-- What was last found wrong with a repository: by a verification that failed, or a restore that found damage.
CREATE TABLE repository_faults (
    project TEXT NOT NULL,
    repository TEXT NOT NULL,
    kind TEXT NOT NULL,
    node TEXT NOT NULL,
    run TEXT NOT NULL,
    at BIGINT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (project, repository, kind, node)
);

-- When something of a plan's backups was last restored.
CREATE TABLE plan_restores (
    project TEXT NOT NULL,
    plan TEXT NOT NULL,
    node TEXT NOT NULL,
    ended BIGINT NOT NULL,
    PRIMARY KEY (project, plan, node)
);

-- A restore proves a plan, and no repository.
DELETE FROM repository_lasts WHERE kind = 'restore';
