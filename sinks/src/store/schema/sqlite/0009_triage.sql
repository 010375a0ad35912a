-- How issues stand with people, where that is anything but open and nobody's. Times are nanoseconds.
CREATE TABLE standings (
    issue BLOB PRIMARY KEY,
    state TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    changed_by TEXT NOT NULL,
    until INTEGER,
    assignee TEXT
) WITHOUT ROWID;

-- What happened to issues, for the record: each under the id that the issue had, as JSON. Rows are only added,
-- and forgotten when they are old.
CREATE TABLE activity (
    number INTEGER PRIMARY KEY,
    issue BLOB NOT NULL,
    at INTEGER NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX activity_by_issue ON activity (issue, at);
CREATE INDEX activity_by_at ON activity (at);
-- A store that has seals gets those of what is empty.
INSERT INTO seals (kind, sum) SELECT 'standings', 0 WHERE EXISTS (SELECT 1 FROM seals);
INSERT INTO seals (kind, sum) SELECT 'activity', 0 WHERE EXISTS (SELECT 1 FROM seals);
