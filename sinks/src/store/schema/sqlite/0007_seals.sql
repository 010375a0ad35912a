-- Sums over the rows on which exactness depends, changed together with them: what a disk or another program
-- changes is noticed when the store is loaded.
CREATE TABLE seals (
    kind TEXT PRIMARY KEY,
    sum INTEGER NOT NULL
) WITHOUT ROWID;
