//! Forgetting what is too old, a bounded piece at a time, and the sums that prove that nothing else went.
//!
//! `horizons` says below what everything is forgotten, and how many events were forgotten of minutes and
//! of hours: what is left of either, plus that, is what the totals say. A store for which that does not
//! hold is damaged, and is refused when it is loaded.

use super::{Bound, Failure, Snapshot, codec, find};
use crate::store::retention::{Horizons, RetentionOptions};
use crate::store::sql::deltas::Delta;

/// Rows of one kind that one step forgets.
const ROWS_MAX: i64 = 5_000;

/// A transaction that may change something.
pub(crate) trait Changing: Snapshot {
    /// Is told before the `limit` oldest minutes or hours below a bucket are deleted.
    fn forgetting(&self, _kind: &str, _before: i64, _limit: i64) -> Result<(), Failure> {
        Ok(())
    }

    /// Executes a statement; returns how many rows it changed.
    fn change(&self, sql: &str, bound: &[Bound<'_>]) -> Result<u64, Failure>;
}

/// A kind of rows that is forgotten: its name, and what deletes at most `?2` rows below `?1`.
const SAMPLES: (&str, &str) = (
    "samples",
    "DELETE FROM sample_days WHERE key IN (SELECT key FROM sample_days \
     WHERE (key & 262143) - 131072 < ?1 LIMIT ?2)",
);
const MINUTES: (&str, &str) = (
    "minutes",
    "DELETE FROM minutes WHERE (bucket_start, fingerprint_id) IN (SELECT bucket_start, \
     fingerprint_id FROM minutes WHERE bucket_start < ?1 ORDER BY bucket_start, fingerprint_id LIMIT ?2)",
);
const HOURS: (&str, &str) = (
    "hours",
    "DELETE FROM hours WHERE (bucket_start, fingerprint_id) IN (SELECT bucket_start, \
     fingerprint_id FROM hours WHERE bucket_start < ?1 ORDER BY bucket_start, fingerprint_id LIMIT ?2)",
);
const ALERTS: (&str, &str) = (
    "alerts",
    "DELETE FROM alerts WHERE alert_key IN (SELECT alert_key FROM alerts WHERE last_bucket < ?1 \
     LIMIT ?2)",
);
/// Events in the minutes, or hours, that the next step forgets.
const EVENTS_OF_MINUTES: &str = "SELECT CAST(coalesce(sum(n), 0) AS BIGINT) FROM (SELECT n FROM minutes \
     WHERE bucket_start < ?1 ORDER BY bucket_start, fingerprint_id LIMIT ?2) AS old";
const EVENTS_OF_HOURS: &str = "SELECT CAST(coalesce(sum(n), 0) AS BIGINT) FROM (SELECT n FROM hours \
     WHERE bucket_start < ?1 ORDER BY bucket_start, fingerprint_id LIMIT ?2) AS old";
const MOVE_HORIZON: &str = "INSERT INTO horizons (kind, before, forgotten) VALUES (?1, ?2, 0) \
     ON CONFLICT (kind) DO UPDATE SET before = excluded.before WHERE horizons.before < excluded.before";
const FORGET: &str = "UPDATE horizons SET forgotten = forgotten + ?1 WHERE kind = ?2";

/// Returns the stored horizons.
pub(crate) fn horizons(snapshot: &dyn Snapshot) -> Result<Horizons, Failure> {
    let mut found = Horizons::NONE;
    snapshot.each("SELECT kind, before FROM horizons", &[], &mut |row| {
        let before = row.integer(1)?;
        match &*row.text(0)? {
            "samples" => found.samples = before,
            "minutes" => found.minutes = before,
            "hours" => found.hours = before,
            "alerts" => found.alerts = before,
            kind => return Err(codec::strange(format!("a horizon of {kind:?}"))),
        }
        Ok(())
    })?;
    Ok(found)
}

/// Forgets a piece of what is too old. Returns the horizons, and whether there is more.
pub(crate) fn prune(
    store: &dyn Changing,
    retention: &RetentionOptions,
) -> Result<(Horizons, bool), Failure> {
    let known = horizons(store)?;
    let newest =
        find(store, "SELECT max(bucket_start) FROM hours", &[], |row| row.find_integer(0))?;
    let Some(newest) = newest.flatten() else { return Ok((known, false)) };
    let later = known.later(retention.horizons(newest));
    let mut has_more = false;
    let events = [None, Some(EVENTS_OF_MINUTES), Some(EVENTS_OF_HOURS), None];
    let befores = [later.samples, later.minutes, later.hours, later.alerts];
    for (((kind, delete), events), before) in
        [SAMPLES, MINUTES, HOURS, ALERTS].into_iter().zip(events).zip(befores)
    {
        store.change(MOVE_HORIZON, &[kind.into(), before.into()])?;
        let step = [before.into(), ROWS_MAX.into()];
        if let Some(events) = events {
            let n = find(store, events, &step, |row| row.integer(0))?.unwrap_or(0);
            forget(store, kind, n)?;
            store.forgetting(kind, before, ROWS_MAX)?;
        }
        has_more |= store.change(delete, &step)? >= ROWS_MAX as u64;
    }
    Ok((later, has_more))
}

/// Counts events that are forgotten.
fn forget(store: &dyn Changing, kind: &str, n: i64) -> Result<(), Failure> {
    if n != 0 {
        store.change(FORGET, &[n.into(), kind.into()])?;
    }
    Ok(())
}

/// Takes the deltas below a horizon out and returns their sum: such a late event is in the totals, and
/// its bucket stays forgotten, so that no bucket is ever a part of itself.
pub(crate) fn take_forgotten(deltas: &mut Vec<Delta>, before: i64) -> i64 {
    let late = deltas.partition_point(|delta| delta.0 < before);
    deltas.drain(..late).map(|delta| delta.2).sum()
}

/// Counts late events, see [`take_forgotten`].
pub(crate) fn forget_late(store: &dyn Changing, minutes: i64, hours: i64) -> Result<(), Failure> {
    forget(store, MINUTES.0, minutes)?;
    forget(store, HOURS.0, hours)
}

/// Fails if the sums of minutes, hours and totals differ: then rows were changed by something else.
pub(crate) fn check_sums(snapshot: &dyn Snapshot) -> Result<(), Failure> {
    let sum =
        |sql: &str| Ok::<_, Failure>(find(snapshot, sql, &[], |row| row.integer(0))?.unwrap_or(0));
    let totals = sum("SELECT CAST(coalesce(sum(total), 0) AS BIGINT) FROM totals")?;
    let minutes = sum("SELECT CAST(coalesce(sum(n), 0) AS BIGINT) FROM minutes")?
        + sum(
            "SELECT CAST(coalesce(sum(forgotten), 0) AS BIGINT) FROM horizons WHERE kind = 'minutes'",
        )?;
    let hours = sum("SELECT CAST(coalesce(sum(n), 0) AS BIGINT) FROM hours")?
        + sum(
            "SELECT CAST(coalesce(sum(forgotten), 0) AS BIGINT) FROM horizons WHERE kind = 'hours'",
        )?;
    if totals == minutes && totals == hours {
        return Ok(());
    }
    Err(codec::strange(format!(
        "its sums disagree: {totals} events in all, {minutes} by the minute, {hours} by the hour"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deltas_below_the_horizon_are_taken_out_and_counted() {
        let mut deltas = vec![(0, 1, 2), (60, 1, 3), (3600, 1, 5)];
        assert_eq!(take_forgotten(&mut deltas, 3600), 5);
        assert_eq!(deltas, [(3600, 1, 5)]);
        assert_eq!(take_forgotten(&mut deltas, i64::MIN), 0);
    }
}
