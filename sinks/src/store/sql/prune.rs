//! Forgetting what is too old, a bounded piece at a time, and the sums that prove that nothing else went.
//!
//! `horizons` says below what everything is forgotten, and how many events were forgotten of minutes and
//! of hours: what is left of either, plus that, is what the totals say. A store for which that does not
//! hold is damaged, and is refused when it is loaded.

use crate::store::retention::{DEAD_NANOS, DELIVERED_NANOS, Horizons, RetentionOptions};
use crate::store::sql::deltas::Delta;
use crate::store::sql::{Bound, Failure, Snapshot, codec, find};
use engine::model::Bucket;

/// Rows of one kind that one step forgets.
const ROWS_MAX: i64 = 5_000;

/// A transaction that may change something.
pub(crate) trait Changing: Snapshot {
    /// Is told before the first `limit` old rows below `before` are deleted.
    fn forgetting(&self, _kind: &Kind, _before: i64, _limit: i64) -> Result<(), Failure> {
        Ok(())
    }

    /// Executes a statement; returns how many rows it changed.
    fn change(&self, sql: &str, bound: &[Bound<'_>]) -> Result<u64, Failure>;
}

/// A kind of rows that is forgotten.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    table: &'static str,
    key: &'static str,
    /// Holds of rows that are below `?1`.
    old: &'static str,
}

const SAMPLES: Kind =
    Kind { name: "samples", table: "sample_days", key: "key", old: "(key & 262143) - 131072 < ?1" };
const MINUTES: Kind = Kind {
    name: "minutes",
    table: "minutes",
    key: "bucket_start, fingerprint_id",
    old: "bucket_start < ?1",
};
const HOURS: Kind = Kind { name: "hours", table: "hours", ..MINUTES };
const ALERTS: Kind = Kind {
    name: "alerts",
    table: "alerts",
    key: "alert_key",
    old: "last_bucket < ?1 AND state IN ('resolved', 'retracted')",
};
const ACTIVITY: Kind =
    Kind { name: "activity", table: "activity", key: "at, number", old: "at < ?1" };
const DELIVERED: Kind = Kind {
    name: "delivered",
    table: "outbox",
    key: "notice_id, notifier",
    old: "state = 'delivered' AND settled_at < ?1",
};
const DEAD: Kind = Kind { name: "dead", old: "state = 'dead' AND settled_at < ?1", ..DELIVERED };

impl Kind {
    /// Returns the end of a statement that chooses the first `?2` rows below `?1`.
    pub(crate) fn chosen(&self) -> String {
        format!("WHERE {} ORDER BY {} LIMIT ?2", self.old, self.key)
    }

    /// Deletes some rows below `before`; returns whether there may be more.
    fn delete(&self, store: &dyn Changing, before: i64) -> Result<bool, Failure> {
        store.forgetting(self, before, ROWS_MAX)?;
        let Kind { table, key, .. } = self;
        let chosen = self.chosen();
        let sql =
            format!("DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} {chosen})");
        Ok(store.change(&sql, &[before.into(), ROWS_MAX.into()])? >= ROWS_MAX as u64)
    }

    /// Returns the events in the minutes, or hours, that are deleted next.
    fn events(&self, store: &dyn Changing, before: i64) -> Result<i64, Failure> {
        let sql = format!(
            "SELECT CAST(coalesce(sum(n), 0) AS BIGINT) FROM (SELECT n FROM {} {}) AS old",
            self.table,
            self.chosen()
        );
        let events = find(store, &sql, &[before.into(), ROWS_MAX.into()], |row| row.integer(0))?;
        Ok(events.unwrap_or(0))
    }
}

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
    let mut has_more = forget_settled(store)?;
    let newest =
        find(store, "SELECT max(bucket_start) FROM hours", &[], |row| row.find_integer(0))?;
    let Some(newest) = newest.flatten() else { return Ok((known, has_more)) };
    let later = known.later(retention.horizons(newest));
    let befores = [later.samples, later.minutes, later.hours, later.alerts];
    for (kind, before) in [SAMPLES, MINUTES, HOURS, ALERTS].iter().zip(befores) {
        store.change(MOVE_HORIZON, &[kind.name.into(), before.into()])?;
        if [MINUTES.name, HOURS.name].contains(&kind.name) {
            forget(store, kind, kind.events(store, before)?)?;
        }
        has_more |= kind.delete(store, before)?;
    }
    has_more |= ACTIVITY.delete(store, Bucket(later.alerts).start().0)?;
    Ok((later, has_more))
}

/// Forgets a piece of the outbox: what was settled long before the latest row was. Returns whether there is
/// more.
fn forget_settled(store: &dyn Changing) -> Result<bool, Failure> {
    let latest = find(store, "SELECT max(settled_at) FROM outbox", &[], |row| row.find_integer(0))?;
    let Some(latest) = latest.flatten() else { return Ok(false) };
    let has_delivered = DELIVERED.delete(store, latest.saturating_sub(DELIVERED_NANOS))?;
    let has_dead = DEAD.delete(store, latest.saturating_sub(DEAD_NANOS))?;
    Ok(has_delivered || has_dead)
}

/// Counts events that are forgotten.
fn forget(store: &dyn Changing, kind: &Kind, n: i64) -> Result<(), Failure> {
    if n != 0 {
        store.change(FORGET, &[n.into(), kind.name.into()])?;
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
    forget(store, &MINUTES, minutes)?;
    forget(store, &HOURS, hours)
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
