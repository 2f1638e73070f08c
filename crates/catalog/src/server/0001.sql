CREATE TABLE projects (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL UNIQUE,
    created BIGINT NOT NULL,
    doc TEXT NOT NULL
);

CREATE TABLE people (
    id TEXT PRIMARY KEY NOT NULL,
    email TEXT NOT NULL UNIQUE,
    created BIGINT NOT NULL,
    last_sign_in BIGINT,
    password_hash TEXT,
    totp_sealed TEXT,
    totp_step BIGINT NOT NULL DEFAULT 0,
    doc TEXT NOT NULL
);

CREATE TABLE recovery_codes (
    person TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
    hash TEXT NOT NULL,
    PRIMARY KEY (person, hash)
);

CREATE TABLE sessions (
    hash TEXT PRIMARY KEY NOT NULL,
    person TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
    created BIGINT NOT NULL,
    last_used BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    user_agent TEXT NOT NULL,
    address TEXT NOT NULL
);
CREATE INDEX sessions_person ON sessions (person, created);
CREATE INDEX sessions_expires ON sessions (expires);

CREATE TABLE api_tokens (
    id TEXT PRIMARY KEY NOT NULL,
    hash TEXT NOT NULL UNIQUE,
    person TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
    created BIGINT NOT NULL,
    last_used BIGINT,
    doc TEXT NOT NULL
);
CREATE INDEX api_tokens_person ON api_tokens (person, created);

CREATE TABLE one_time_tokens (
    hash TEXT PRIMARY KEY NOT NULL,
    kind TEXT NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    doc TEXT NOT NULL
);
CREATE INDEX one_time_tokens_kind ON one_time_tokens (kind, created);
CREATE INDEX one_time_tokens_expires ON one_time_tokens (expires);

CREATE TABLE throttles (
    subject TEXT PRIMARY KEY NOT NULL,
    failures BIGINT NOT NULL,
    last BIGINT NOT NULL
);
CREATE INDEX throttles_last ON throttles (last);

-- What a node says of itself is apart from what people decide about it, so that neither overwrites the other.
CREATE TABLE nodes (
    id TEXT PRIMARY KEY NOT NULL,
    project TEXT NOT NULL REFERENCES projects (id),
    name TEXT NOT NULL,
    created BIGINT NOT NULL,
    local BIGINT NOT NULL,
    certificate TEXT UNIQUE,
    acknowledged BIGINT NOT NULL DEFAULT 0,
    incarnation TEXT,
    former_incarnation TEXT,
    configuration BIGINT NOT NULL DEFAULT 1,
    last_seen BIGINT,
    host TEXT,
    trouble TEXT,
    revoked BIGINT NOT NULL DEFAULT 0,
    doc TEXT NOT NULL,
    UNIQUE (project, name)
);

CREATE TABLE connections (
    id TEXT PRIMARY KEY NOT NULL,
    project TEXT NOT NULL REFERENCES projects (id),
    name TEXT NOT NULL,
    node TEXT NOT NULL REFERENCES nodes (id),
    revision BIGINT NOT NULL,
    sealed TEXT,
    status TEXT NOT NULL,
    doc TEXT NOT NULL,
    UNIQUE (project, name)
);
CREATE INDEX connections_node ON connections (node);

CREATE TABLE sources (
    id TEXT PRIMARY KEY NOT NULL,
    project TEXT NOT NULL REFERENCES projects (id),
    name TEXT NOT NULL,
    node TEXT NOT NULL REFERENCES nodes (id),
    revision BIGINT NOT NULL,
    doc TEXT NOT NULL,
    UNIQUE (project, name)
);
CREATE INDEX sources_node ON sources (node);

CREATE TABLE destinations (
    id TEXT PRIMARY KEY NOT NULL,
    project TEXT NOT NULL REFERENCES projects (id),
    name TEXT NOT NULL,
    connection TEXT NOT NULL REFERENCES connections (id),
    revision BIGINT NOT NULL,
    doc TEXT NOT NULL,
    UNIQUE (project, name)
);
CREATE INDEX destinations_connection ON destinations (connection);

-- `user_node` is the one node that uses a repository, or empty where all share it.
CREATE TABLE repositories (
    id TEXT PRIMARY KEY NOT NULL,
    destination TEXT NOT NULL REFERENCES destinations (id),
    user_node TEXT NOT NULL,
    created BIGINT NOT NULL,
    sealed TEXT,
    doc TEXT NOT NULL,
    UNIQUE (destination, user_node)
);
CREATE INDEX repositories_node ON repositories (user_node);

CREATE TABLE plans (
    id TEXT PRIMARY KEY NOT NULL,
    project TEXT NOT NULL REFERENCES projects (id),
    name TEXT NOT NULL,
    revision BIGINT NOT NULL,
    doc TEXT NOT NULL,
    UNIQUE (project, name)
);

CREATE TABLE plan_sources (
    plan TEXT NOT NULL REFERENCES plans (id) ON DELETE CASCADE,
    source TEXT NOT NULL REFERENCES sources (id),
    PRIMARY KEY (plan, source)
);
CREATE INDEX plan_sources_source ON plan_sources (source);

CREATE TABLE plan_destinations (
    plan TEXT NOT NULL REFERENCES plans (id) ON DELETE CASCADE,
    destination TEXT NOT NULL REFERENCES destinations (id),
    PRIMARY KEY (plan, destination)
);
CREATE INDEX plan_destinations_destination ON plan_destinations (destination);

-- Plans that were deleted keep their revisions.
CREATE TABLE plan_revisions (
    plan TEXT NOT NULL,
    revision BIGINT NOT NULL,
    project TEXT NOT NULL,
    changed BIGINT NOT NULL,
    changed_by TEXT NOT NULL,
    doc TEXT NOT NULL,
    PRIMARY KEY (plan, revision)
);

-- Runs outlive the plans, sources and nodes they name.
CREATE TABLE runs (
    id TEXT PRIMARY KEY NOT NULL,
    project TEXT NOT NULL REFERENCES projects (id),
    node TEXT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    plan TEXT,
    source TEXT,
    created BIGINT NOT NULL,
    ended BIGINT,
    revision BIGINT NOT NULL,
    doc TEXT NOT NULL
);
CREATE INDEX runs_created ON runs (created, id);
CREATE INDEX runs_project ON runs (project, created, id);
CREATE INDEX runs_project_kind ON runs (project, kind, state, created, id);
CREATE INDEX runs_plan ON runs (plan, kind, state, created, id);
CREATE INDEX runs_source ON runs (source, kind, state, created, id);
CREATE INDEX runs_node ON runs (node, kind, state, created, id);
CREATE INDEX runs_ended ON runs (ended);

-- Kind, state and time are the run's, here again for the index.
CREATE TABLE run_destinations (
    destination TEXT NOT NULL,
    run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    created BIGINT NOT NULL,
    PRIMARY KEY (run, destination)
);
CREATE INDEX run_destinations_destination ON run_destinations (destination, kind, state, created, run);

-- How many runs a project, plan, source, node or destination has, or two of these but the first together, by the UTC day they
-- were asked for.
CREATE TABLE run_tallies (
    subject TEXT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    day BIGINT NOT NULL,
    project TEXT NOT NULL,
    runs BIGINT NOT NULL,
    PRIMARY KEY (subject, kind, state, day, project)
);

CREATE TABLE log_lines (
    run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    project TEXT NOT NULL,
    time BIGINT NOT NULL,
    level TEXT NOT NULL,
    step TEXT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (run, number)
);
CREATE INDEX log_lines_project ON log_lines (project, time, run, number);
CREATE INDEX log_lines_time ON log_lines (time);

-- What happened that people may have to be told of, until somebody has seen to that.
CREATE TABLE events (
    number BIGINT PRIMARY KEY NOT NULL,
    doc TEXT NOT NULL
);

CREATE TABLE notifications (
    number BIGINT PRIMARY KEY NOT NULL,
    created BIGINT NOT NULL,
    next_try BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    last_error TEXT,
    doc TEXT NOT NULL
);
CREATE INDEX notifications_next_try ON notifications (next_try, number);

CREATE TABLE audit (
    number BIGINT PRIMARY KEY NOT NULL,
    time BIGINT NOT NULL,
    project TEXT,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    hash TEXT NOT NULL,
    doc TEXT NOT NULL
);
CREATE INDEX audit_project ON audit (project, number);
CREATE INDEX audit_actor ON audit (actor, number);
CREATE INDEX audit_action ON audit (action, number);
CREATE INDEX audit_time ON audit (time);

-- The last number given out, by name.
CREATE TABLE counters (
    name TEXT PRIMARY KEY NOT NULL,
    last BIGINT NOT NULL,
    hash TEXT NOT NULL
);
INSERT INTO counters (name, last, hash) VALUES ('audit', 0, ''), ('events', 0, ''), ('notifications', 0, '');

CREATE TABLE settings (
    name TEXT PRIMARY KEY NOT NULL,
    doc TEXT NOT NULL,
    sealed TEXT
);

-- A lease keeps its row when it is given up, so that tokens never come twice.
CREATE TABLE leases (
    resource TEXT PRIMARY KEY NOT NULL,
    holder TEXT NOT NULL,
    token BIGINT NOT NULL,
    until BIGINT NOT NULL
);
