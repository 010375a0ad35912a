-- The tables of the SQLite store, column by column: its blobs are bytea, its integers bigint. Ids of 128
-- bits are 16 bytes, big-endian, so that they sort as numbers; hashes of 64 bits have their top bit
-- flipped, so that signed order is their order; times are nanoseconds since 1970, buckets are seconds.
-- Texts are compared byte by byte (COLLATE "C"). A text cannot hold the character U+0000 here, so it is
-- written U+0001 U+0001, and U+0001 is written U+0001 U+0002: nothing is lost, the order stays.
-- Row numbers are given by the one writer, dense and without a sequence. A text that may be longer than
-- an index can hold has a hash index, or none; the one writer sees to it that keys are unique.

CREATE TABLE migrations (
    number bigint PRIMARY KEY,
    applied timestamptz NOT NULL DEFAULT now()
);

-- The checkpoint: one row. Whoever commits must find its predecessor and itself here.
CREATE TABLE checkpoint (
    only_row bigint PRIMARY KEY CHECK (only_row = 1),
    epoch bigint,
    incarnation bigint,
    identity text COLLATE "C" NOT NULL
);
INSERT INTO checkpoint (only_row, identity) VALUES (1, '[]');

CREATE TABLE sources (
    id bigint PRIMARY KEY,
    name text COLLATE "C" NOT NULL UNIQUE,
    rank bigint NOT NULL
);

CREATE TABLE fingerprints (
    id bigint PRIMARY KEY,
    fingerprint bytea NOT NULL UNIQUE,
    template bytea NOT NULL,
    class bigint NOT NULL,
    severity bigint NOT NULL,
    first_time bigint NOT NULL,
    first_hash bigint NOT NULL,
    source_id bigint NOT NULL,
    service text COLLATE "C" NOT NULL,
    text text COLLATE "C" NOT NULL,
    skeleton text COLLATE "C" NOT NULL DEFAULT '',
    own_issue bytea NOT NULL DEFAULT ''
);
CREATE INDEX fingerprints_by_own_issue ON fingerprints (own_issue);

-- Updated in place with nearly every commit: room is left on each page.
CREATE TABLE totals (
    fingerprint_id bigint PRIMARY KEY,
    total bigint NOT NULL,
    last_seen bigint NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE minutes (
    bucket_start bigint NOT NULL,
    fingerprint_id bigint NOT NULL,
    n bigint NOT NULL,
    PRIMARY KEY (bucket_start, fingerprint_id)
);

CREATE TABLE hours (
    bucket_start bigint NOT NULL,
    fingerprint_id bigint NOT NULL,
    n bigint NOT NULL,
    PRIMARY KEY (bucket_start, fingerprint_id)
);

CREATE TABLE sample_days (
    key bigint PRIMARY KEY,
    samples bytea NOT NULL
);

CREATE TABLE accounts (
    source_id bigint NOT NULL,
    counter text COLLATE "C" NOT NULL,
    n bigint NOT NULL,
    PRIMARY KEY (source_id, counter)
);

CREATE TABLE rejected (
    source_id bigint NOT NULL,
    reason text COLLATE "C" NOT NULL,
    hash bigint NOT NULL,
    record text COLLATE "C" NOT NULL,
    UNIQUE (source_id, reason, hash)
);

CREATE TABLE partitions (
    source_id bigint NOT NULL,
    partition text COLLATE "C" NOT NULL,
    resume_offset text COLLATE "C" NOT NULL,
    lag_bytes bigint NOT NULL,
    received bigint NOT NULL
);
CREATE INDEX partitions_by_partition ON partitions USING hash (partition);

CREATE TABLE operator_state (
    node text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    value bytea NOT NULL
);
CREATE INDEX operator_state_by_key ON operator_state USING hash (key);

-- The numbers are what the other stores keep as bytes, number by number; the index is for people who
-- look for near texts in SQL: ORDER BY numbers <=> '[...]'.
CREATE TABLE vectors (
    text bytea PRIMARY KEY,
    kernel bigint NOT NULL,
    numbers vector(384) NOT NULL
);
CREATE INDEX vectors_by_cosine ON vectors USING hnsw (numbers vector_cosine_ops)
    WITH (m = 16, ef_construction = 64);

CREATE TABLE issues (
    issue bytea PRIMARY KEY,
    class bigint NOT NULL,
    template bytea NOT NULL,
    text text COLLATE "C" NOT NULL DEFAULT '',
    skeleton text COLLATE "C" NOT NULL DEFAULT ''
);

CREATE TABLE members (
    issue bytea NOT NULL,
    fingerprint_id bigint NOT NULL,
    PRIMARY KEY (issue, fingerprint_id)
);
CREATE INDEX members_by_fingerprint ON members (fingerprint_id, issue);

CREATE TABLE parts (
    issue bytea NOT NULL,
    pattern bytea NOT NULL,
    text text COLLATE "C" NOT NULL,
    embedded bytea NOT NULL
);
CREATE INDEX parts_by_issue ON parts (issue, pattern);

CREATE TABLE tags (
    issue bytea NOT NULL,
    name text COLLATE "C" NOT NULL,
    score bigint NOT NULL,
    reason_kind bigint NOT NULL,
    reason text COLLATE "C" NOT NULL
);
CREATE INDEX tags_by_issue ON tags (issue);
CREATE INDEX tags_by_name ON tags USING hash (name);

CREATE TABLE alerts (
    alert_key bytea PRIMARY KEY,
    issue bytea NOT NULL,
    start_bucket bigint NOT NULL,
    last_bucket bigint NOT NULL,
    bucket_secs bigint NOT NULL,
    observed bigint NOT NULL,
    peak_bucket bigint NOT NULL,
    peak_observed bigint NOT NULL,
    peak_expected_milli bigint NOT NULL,
    peak_surprise_milli bigint NOT NULL
);
CREATE INDEX alerts_by_last ON alerts (last_bucket);
CREATE INDEX alerts_by_issue ON alerts (issue, last_bucket);
