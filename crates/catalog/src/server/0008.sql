-- What copy plans copy from. `node` is the one node that does it; without one, each node that has a repository of its own there.
CREATE TABLE plan_copies (
    plan TEXT PRIMARY KEY NOT NULL REFERENCES plans (id) ON DELETE CASCADE,
    destination TEXT NOT NULL REFERENCES destinations (id),
    node TEXT REFERENCES nodes (id)
);
CREATE INDEX plan_copies_destination ON plan_copies (destination);
CREATE INDEX plan_copies_node ON plan_copies (node);

-- The nodes that carry plans out.
CREATE VIEW plan_nodes AS
    SELECT p.plan AS plan, s.node AS node FROM plan_sources p JOIN sources s ON s.id = p.source
    UNION SELECT plan, node FROM plan_copies WHERE node IS NOT NULL
    UNION SELECT c.plan AS plan, r.user_node AS node FROM plan_copies c JOIN repositories r ON r.destination = c.destination
        WHERE c.node IS NULL AND r.user_node <> '';
