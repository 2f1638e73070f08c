CREATE TABLE commands (
    id TEXT PRIMARY KEY NOT NULL,
    node TEXT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    expires BIGINT NOT NULL,
    sent BIGINT NOT NULL DEFAULT 0,
    doc TEXT NOT NULL,
    result TEXT
);
CREATE INDEX commands_node ON commands (node, expires);
CREATE INDEX commands_expires ON commands (expires);
