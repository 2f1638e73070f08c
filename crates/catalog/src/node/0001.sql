CREATE TABLE meta (
    key TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL
);

CREATE TABLE runs (
    id TEXT PRIMARY KEY NOT NULL,
    final BIGINT NOT NULL,
    created BIGINT NOT NULL,
    ended BIGINT,
    revision BIGINT NOT NULL,
    last_line BIGINT NOT NULL DEFAULT 0,
    doc TEXT NOT NULL,
    private TEXT NOT NULL
);
CREATE INDEX runs_open ON runs (created, id) WHERE final = 0;
CREATE INDEX runs_ended ON runs (ended) WHERE final = 1;

CREATE TABLE log_lines (
    run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    time BIGINT NOT NULL,
    level TEXT NOT NULL,
    step TEXT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (run, number)
) WITHOUT ROWID;
CREATE INDEX log_lines_time ON log_lines (time);

-- An entry that concerns a run names it, and is filled in when it is read; others hold their news.
CREATE TABLE outbox (
    number BIGINT PRIMARY KEY NOT NULL,
    run TEXT,
    first_line BIGINT,
    last_line BIGINT,
    news TEXT
);
CREATE INDEX outbox_run ON outbox (run) WHERE run IS NOT NULL;

-- One row: the last number given out, and up to which the server has everything.
CREATE TABLE outbox_state (
    id BIGINT PRIMARY KEY NOT NULL CHECK (id = 1),
    last BIGINT NOT NULL,
    acknowledged BIGINT NOT NULL
);
INSERT INTO outbox_state (id, last, acknowledged) VALUES (1, 0, 0);

CREATE TABLE plans_due (
    plan TEXT PRIMARY KEY NOT NULL,
    last_due BIGINT NOT NULL
);

CREATE TABLE commands (
    id TEXT PRIMARY KEY NOT NULL,
    begun BIGINT NOT NULL
);
CREATE INDEX commands_begun ON commands (begun);
