-- Alerts have a life: where each stands, and as JSON what nothing is looked up by. Those of earlier versions
-- are over, and each is an incident of its own.
ALTER TABLE alerts ADD COLUMN state TEXT NOT NULL DEFAULT 'resolved';
ALTER TABLE alerts ADD COLUMN service TEXT NOT NULL DEFAULT '';
ALTER TABLE alerts ADD COLUMN details TEXT NOT NULL DEFAULT '{}';
UPDATE alerts SET details = '{"incident":"a_' || lower(hex(alert_key))
    || '","kind":"spike","state":"resolved","fired_at":' || ((start_bucket + bucket_secs) * 1000000000)
    || ',"changed_at":' || ((last_bucket + bucket_secs) * 1000000000) || '}';
CREATE INDEX alerts_by_state ON alerts (state);

-- How each notice stands with each notifier: queued, delivered, or dead with the reason for which it was
-- given up. Times are nanoseconds; the body is the notice as JSON, and may be long.
CREATE TABLE outbox (
    notice_id BLOB NOT NULL,
    notifier TEXT NOT NULL,
    incident BLOB NOT NULL,
    at INTEGER NOT NULL,
    state TEXT NOT NULL,
    settled_at INTEGER,
    reason TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (notice_id, notifier)
);
CREATE INDEX outbox_by_state ON outbox (state, notifier, at);
-- A store that has seals gets the one of an empty outbox.
INSERT INTO seals (kind, sum) SELECT 'outbox', 0 WHERE EXISTS (SELECT 1 FROM seals);
