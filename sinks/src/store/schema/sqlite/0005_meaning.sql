-- The patterns that each issue is made of, what is displayed for each, and the text that was embedded
-- of it (empty if none was). A row is its own key: what replaces it may arrive before it is removed.
CREATE TABLE parts (
    issue BLOB NOT NULL,
    pattern BLOB NOT NULL,
    text TEXT NOT NULL,
    embedded BLOB NOT NULL,
    PRIMARY KEY (issue, pattern, text, embedded)
) WITHOUT ROWID;

-- What kind of failure each issue is about: scores are millionths; the reason is words that it has
-- (reason_kind 0) or a sentence that it is near (1). A row is its own key here too.
CREATE TABLE tags (
    issue BLOB NOT NULL,
    name TEXT NOT NULL,
    score INTEGER NOT NULL,
    reason_kind INTEGER NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (issue, name, score, reason_kind, reason)
) WITHOUT ROWID;
CREATE INDEX tags_by_name ON tags (name);
