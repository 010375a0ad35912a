//! Everything at once: the timeline, the audit.

use super::issues::current;
use super::ranges::{ByRow, each_count};
use super::{Failure, Row, Snapshot, codec, find};
use crate::store::audit::AuditBuilder;
use crate::store::rows::counter_named;
use crate::store::slices::{HOUR_SECS, Piece, Range, cover};
use engine::component::{Audit, ClassCounts, TimelineQuery};
use engine::model::{Bucket, Epoch, IssueId, SeverityClass};
use std::collections::BTreeMap;

/// Answers [`ReadStore::timeline`](engine::component::ReadStore::timeline).
pub(super) fn timeline(
    snapshot: &dyn Snapshot,
    query: &TimelineQuery,
) -> Result<Vec<ClassCounts>, Failure> {
    let issue = query.issue.map(|id| current(snapshot, id)).transpose()?;
    let classes = classes(snapshot, issue)?;
    let range = Range::of(query.from, query.to);
    let whole_hours = query.size.secs() % HOUR_SECS == 0;
    let pieces = if whole_hours { cover(range) } else { vec![Piece::Minutes(range)] };
    let mut slices: BTreeMap<Bucket, ClassCounts> = BTreeMap::new();
    let wanted = |id| classes.get(id).is_some();
    each_count(snapshot, &pieces, wanted, |id, bucket, n| {
        let bucket = query.size.coarsen(bucket);
        let empty = ClassCounts { bucket, ..ClassCounts::default() };
        let slice = slices.entry(bucket).or_insert(empty);
        match classes.get(id) {
            Some(SeverityClass::Error) => slice.error += n,
            Some(SeverityClass::Warn) => slice.warn += n,
            _ => slice.rest += n,
        }
    })?;
    let filled = |slice: &ClassCounts| (slice.error, slice.warn, slice.rest) != (0, 0, 0);
    Ok(slices.into_values().filter(filled).collect())
}

/// Returns the classes of an issue's fingerprints, or of all.
fn classes(
    snapshot: &dyn Snapshot,
    issue: Option<IssueId>,
) -> Result<ByRow<Option<SeverityClass>>, Failure> {
    let mut classes = ByRow::default();
    let mut add = |row: &dyn Row| {
        *classes.entry(row.integer(0)?) = Some(SeverityClass::from_code(row.small(1)?));
        Ok(())
    };
    match issue {
        None => snapshot.each("SELECT id, class FROM fingerprints", &[], &mut add)?,
        Some(issue) => snapshot.each(
            "SELECT f.id, f.class FROM members m JOIN fingerprints f ON f.id = m.fingerprint_id \
             WHERE m.issue = ?1",
            &[(&codec::blob(issue.0)).into()],
            &mut add,
        )?,
    }
    Ok(classes)
}

/// Answers [`ReadStore::audit`](engine::component::ReadStore::audit).
pub(super) fn audit(snapshot: &dyn Snapshot) -> Result<Audit, Failure> {
    let epoch = find(snapshot, "SELECT epoch FROM checkpoint", &[], |row| row.find_integer(0))?;
    let epoch = epoch.flatten().map(|epoch| Epoch(epoch.cast_unsigned()));
    let sum = "SELECT CAST(coalesce(sum(total), 0) AS BIGINT) FROM totals";
    let counted = find(snapshot, sum, &[], |row| row.integer(0))?;
    let mut audit = AuditBuilder::new(epoch, counted.unwrap_or(0));
    let accounts =
        "SELECT s.name, a.counter, a.n FROM accounts a JOIN sources s ON s.id = a.source_id";
    snapshot.each(accounts, &[], &mut |row| {
        let name = row.text(1)?;
        let counter = counter_named(&name)
            .ok_or_else(|| codec::strange(format!("an account counts {name:?}")))?;
        audit.account(&row.text(0)?, counter, row.integer(2)?);
        Ok(())
    })?;
    let partitions = "SELECT s.name, p.partition, p.resume_offset, p.lag_bytes \
                      FROM partitions p JOIN sources s ON s.id = p.source_id";
    snapshot.each(partitions, &[], &mut |row| {
        let lag_bytes = row.integer(3)?.cast_unsigned();
        audit.partition(&row.text(0)?, &row.text(1)?, &row.text(2)?, lag_bytes);
        Ok(())
    })?;
    Ok(audit.finish())
}
