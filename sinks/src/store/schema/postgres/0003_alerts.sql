-- Alerts have a life: where each stands, and as JSON what nothing is looked up by. Those of earlier versions
-- are over, and each is an incident of its own.
ALTER TABLE alerts ADD COLUMN state text COLLATE "C" NOT NULL DEFAULT 'resolved';
ALTER TABLE alerts ADD COLUMN service text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE alerts ADD COLUMN details text COLLATE "C" NOT NULL DEFAULT '{}';
UPDATE alerts SET details = '{"incident":"a_' || encode(alert_key, 'hex')
    || '","kind":"spike","state":"resolved","fired_at":' || ((start_bucket + bucket_secs) * 1000000000)
    || ',"changed_at":' || ((last_bucket + bucket_secs) * 1000000000) || '}';
CREATE INDEX alerts_by_state ON alerts (state);

-- How each notice stands with each notifier: queued, delivered, or dead with the reason for which it was
-- given up. Times are nanoseconds; the body is the notice as JSON, and may be long.
CREATE TABLE outbox (
    notice_id bytea NOT NULL,
    notifier text COLLATE "C" NOT NULL,
    incident bytea NOT NULL,
    at bigint NOT NULL,
    state text COLLATE "C" NOT NULL,
    settled_at bigint,
    reason text COLLATE "C" NOT NULL,
    body text COLLATE "C" NOT NULL,
    PRIMARY KEY (notice_id, notifier)
);
CREATE INDEX outbox_by_state ON outbox (state, notifier, at);
