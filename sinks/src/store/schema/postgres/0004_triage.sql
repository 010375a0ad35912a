-- How issues stand with people, where that is anything but open and nobody's. Times are nanoseconds.
CREATE TABLE standings (
    issue bytea PRIMARY KEY,
    state text COLLATE "C" NOT NULL,
    changed_at bigint NOT NULL,
    changed_by text COLLATE "C" NOT NULL,
    until bigint,
    assignee text COLLATE "C"
);

-- What happened to issues, for the record: each under the id that the issue had, as JSON. Rows are only added,
-- and forgotten when they are old.
CREATE TABLE activity (
    number bigint PRIMARY KEY,
    issue bytea NOT NULL,
    at bigint NOT NULL,
    body text COLLATE "C" NOT NULL
);
CREATE INDEX activity_by_issue ON activity (issue, at);
CREATE INDEX activity_by_at ON activity (at);
