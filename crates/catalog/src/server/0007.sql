-- The connection that a source is reached by, if it is by one.
ALTER TABLE sources ADD COLUMN connection TEXT REFERENCES connections (id);
CREATE INDEX sources_connection ON sources (connection);
