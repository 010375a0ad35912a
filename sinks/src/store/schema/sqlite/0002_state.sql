-- What operators must find again after a restart, each under a key of its own and in its own encoding.
CREATE TABLE operator_state (
    node TEXT NOT NULL,
    key TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (node, key)
) WITHOUT ROWID;

-- The samples of a fingerprint and UTC day in one row: key = fingerprint_id << 18 | day from the
-- first day on, value = hash, time, source_id, length of the record, record, over and over.
CREATE TABLE sample_days (
    key INTEGER PRIMARY KEY,
    samples BLOB NOT NULL
);
-- Samples are examples, nothing is counted by them: those of the first schema are not carried over.
DROP TABLE samples;

-- The constant words of a fingerprint's template: what patterns are made of.
ALTER TABLE fingerprints ADD COLUMN skeleton TEXT NOT NULL DEFAULT '';

-- What is displayed for an issue: its first member's text, without the words in which members differ.
ALTER TABLE issues ADD COLUMN text TEXT NOT NULL DEFAULT '';

-- The issue that the fingerprint would be the first member of. It may have had that id before it was
-- merged, so whoever asks for it is led to the issue that the fingerprint belongs to now.
ALTER TABLE fingerprints ADD COLUMN own_issue BLOB NOT NULL DEFAULT x'';
CREATE INDEX fingerprints_by_own_issue ON fingerprints (own_issue);
