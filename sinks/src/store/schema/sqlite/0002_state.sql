-- What operators must find again after a restart, each under a key of its own and in its own encoding.
CREATE TABLE operator_state (
    node TEXT NOT NULL,
    key TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (node, key)
) WITHOUT ROWID;

-- The constant words of a fingerprint's template: what patterns are made of.
ALTER TABLE fingerprints ADD COLUMN skeleton TEXT NOT NULL DEFAULT '';
