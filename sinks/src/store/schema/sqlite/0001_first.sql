-- The first schema. Ids of 128 bits are 16-byte blobs, big-endian, so that they sort as numbers.
-- Hashes of 64 bits are stored with the top bit flipped, so that signed order is their order.
-- Times are nanoseconds since 1970, buckets are seconds.

-- The checkpoint: one row. Whoever commits must find its predecessor and itself here.
CREATE TABLE checkpoint (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    epoch INTEGER,
    incarnation INTEGER,
    identity TEXT NOT NULL
);
INSERT INTO checkpoint (only_row, identity) VALUES (1, '[]');

-- Names of sources, so that rows hold a small number. The rank is the position in the graph that
-- committed last; a source that is no longer in the graph has -1.
CREATE TABLE sources (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    rank INTEGER NOT NULL
);

-- What is known of a fingerprint and seldom changes; the text last, since lists do not read it.
CREATE TABLE fingerprints (
    id INTEGER PRIMARY KEY,
    fingerprint BLOB NOT NULL UNIQUE,
    template BLOB NOT NULL,
    class INTEGER NOT NULL,
    severity INTEGER NOT NULL,
    first_time INTEGER NOT NULL,
    first_hash INTEGER NOT NULL,
    source_id INTEGER NOT NULL,
    service TEXT NOT NULL,
    text TEXT NOT NULL
);

-- What changes with every event of a fingerprint: one row for each of them, narrow on purpose.
CREATE TABLE totals (
    fingerprint_id INTEGER PRIMARY KEY,
    total INTEGER NOT NULL,
    last_seen INTEGER NOT NULL
);

-- Counts, time first: a commit touches the newest pages only, and a range of time is one stretch.
CREATE TABLE minutes (
    bucket_start INTEGER NOT NULL,
    fingerprint_id INTEGER NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (bucket_start, fingerprint_id)
) WITHOUT ROWID;

CREATE TABLE hours (
    bucket_start INTEGER NOT NULL,
    fingerprint_id INTEGER NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (bucket_start, fingerprint_id)
) WITHOUT ROWID;

CREATE TABLE samples (
    fingerprint_id INTEGER NOT NULL,
    day INTEGER NOT NULL,
    hash INTEGER NOT NULL,
    time INTEGER NOT NULL,
    source_id INTEGER NOT NULL,
    record TEXT NOT NULL,
    UNIQUE (fingerprint_id, day, hash)
);

CREATE TABLE accounts (
    source_id INTEGER NOT NULL,
    counter TEXT NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (source_id, counter)
) WITHOUT ROWID;

CREATE TABLE rejected (
    source_id INTEGER NOT NULL,
    reason TEXT NOT NULL,
    hash INTEGER NOT NULL,
    record TEXT NOT NULL,
    UNIQUE (source_id, reason, hash)
);

CREATE TABLE partitions (
    source_id INTEGER NOT NULL,
    partition TEXT NOT NULL,
    resume_offset TEXT NOT NULL,
    lag_bytes INTEGER NOT NULL,
    received INTEGER NOT NULL,
    PRIMARY KEY (source_id, partition)
) WITHOUT ROWID;

CREATE TABLE issues (
    issue BLOB PRIMARY KEY,
    class INTEGER NOT NULL,
    template BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE members (
    issue BLOB NOT NULL,
    fingerprint_id INTEGER NOT NULL,
    PRIMARY KEY (issue, fingerprint_id)
) WITHOUT ROWID;

CREATE TABLE alerts (
    alert_key BLOB PRIMARY KEY,
    issue BLOB NOT NULL,
    start_bucket INTEGER NOT NULL,
    last_bucket INTEGER NOT NULL,
    bucket_secs INTEGER NOT NULL,
    observed INTEGER NOT NULL,
    peak_bucket INTEGER NOT NULL,
    peak_observed INTEGER NOT NULL,
    peak_expected_milli INTEGER NOT NULL,
    peak_surprise_milli INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX alerts_by_last ON alerts (last_bucket);
CREATE INDEX alerts_by_issue ON alerts (issue, last_bucket);
