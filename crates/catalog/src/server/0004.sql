-- The public halves of the key pairs by which people sign in.
CREATE TABLE passkeys (
    id TEXT PRIMARY KEY NOT NULL,
    person TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
    credential TEXT NOT NULL UNIQUE,
    key TEXT NOT NULL,
    created BIGINT NOT NULL,
    last_used BIGINT,
    doc TEXT NOT NULL
);
CREATE INDEX passkeys_person ON passkeys (person, created);
