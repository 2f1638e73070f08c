CREATE TABLE transfers (
    key TEXT PRIMARY KEY NOT NULL,
    token TEXT NOT NULL,
    chunk_size BIGINT NOT NULL,
    begun BIGINT NOT NULL
);
CREATE INDEX transfers_begun ON transfers (begun);
