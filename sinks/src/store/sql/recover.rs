//! What an engine starts from, read in one transaction.

use super::{Failure, Snapshot, codec, find, list, parts, prune, tags, vectors};
use crate::store::rows::{Coarse, FastMap, NEVER_FIRST, embedded};
use crate::store::slices::HOUR_SECS;
use engine::component::{History, Incarnation, KnownFingerprint, NodeIdentity, Recovered};
use engine::model::{
    Bucket, Epoch, EventTime, Fingerprint, FirstSeen, Issue, IssueId, Member, Offset, PartitionId,
    Severity, SeverityClass, StateKey, Template,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What operators keep, by node and key.
type OperatorState = BTreeMap<StateKey, Arc<[u8]>>;

/// Loads the last commit; tells `learn` the row number of every fingerprint.
pub(crate) fn recover(
    snapshot: &dyn Snapshot,
    mut learn: impl FnMut(Fingerprint, i64),
) -> Result<Recovered, Failure> {
    let (epoch, identity) = checkpoint(snapshot)?;
    for (id, fingerprint) in fingerprint_ids(snapshot)? {
        learn(fingerprint, id);
    }
    Ok(Recovered {
        epoch,
        identity,
        offsets: offsets(snapshot)?,
        fingerprints: fingerprints(snapshot)?,
        counts: Vec::new(),
        issues: issues(snapshot)?,
        members: members(snapshot)?,
        parts: parts::all(snapshot)?,
        tags: tags::all(snapshot)?,
        state: state(snapshot)?,
        vectors: vectors::all(snapshot)?.iter().filter_map(embedded).collect(),
    })
}

/// Returns the epoch and the owner in the checkpoint.
pub(crate) fn stored(
    snapshot: &dyn Snapshot,
) -> Result<(Option<Epoch>, Option<Incarnation>), Failure> {
    let found = find(snapshot, "SELECT epoch, incarnation FROM checkpoint", &[], |row| {
        let epoch = row.find_integer(0)?.map(|epoch| Epoch(epoch.cast_unsigned()));
        let owner = row.find_integer(1)?.map(|owner| Incarnation(owner.cast_unsigned()));
        Ok((epoch, owner))
    })?;
    found.ok_or_else(|| codec::strange("the table checkpoint has no row"))
}

fn checkpoint(snapshot: &dyn Snapshot) -> Result<(Option<Epoch>, Vec<NodeIdentity>), Failure> {
    let found = find(snapshot, "SELECT epoch, identity FROM checkpoint", &[], |row| {
        let identity = serde_json::from_str(&row.text(1)?)
            .map_err(|error| codec::strange(format!("cannot read the stored graph: {error}")))?;
        Ok((row.find_integer(0)?.map(|epoch| Epoch(epoch.cast_unsigned())), identity))
    })?;
    found.ok_or_else(|| codec::strange("the table checkpoint has no row"))
}

fn fingerprint_ids(snapshot: &dyn Snapshot) -> Result<FastMap<i64, Fingerprint>, Failure> {
    let pairs = list(snapshot, "SELECT id, fingerprint FROM fingerprints", &[], |row| {
        Ok((row.integer(0)?, Fingerprint(codec::id(row, 1)?)))
    })?;
    Ok(pairs.into_iter().collect())
}

fn fingerprints(snapshot: &dyn Snapshot) -> Result<Vec<KnownFingerprint>, Failure> {
    let sql = "SELECT fingerprint, template, class, severity, first_time, service, skeleton, \
               first_hash, text, (SELECT name FROM sources WHERE id = source_id) \
               FROM fingerprints WHERE first_time <> ?1 ORDER BY fingerprint";
    list(snapshot, sql, &[NEVER_FIRST.time.0.into()], |row| {
        let first =
            FirstSeen { time: EventTime(row.integer(4)?), hash: codec::hash(row.integer(7)?) };
        Ok(KnownFingerprint {
            fingerprint: Fingerprint(codec::id(row, 0)?),
            template: Template(codec::id(row, 1)?),
            class: SeverityClass::from_code(row.small(2)?),
            severity: Severity::from_code(row.small(3)?),
            first,
            service: Arc::from(row.text(5)?),
            skeleton: Arc::from(row.text(6)?),
            text: Arc::from(row.text(8)?),
            source: row.text(9)?.into_owned(),
        })
    })
}

fn offsets(snapshot: &dyn Snapshot) -> Result<Vec<(String, PartitionId, Offset)>, Failure> {
    let sql = "SELECT s.name, p.partition, p.resume_offset FROM partitions p \
               JOIN sources s ON s.id = p.source_id ORDER BY s.name, p.partition";
    list(snapshot, sql, &[], |row| {
        let partition = PartitionId(Arc::from(row.text(1)?));
        Ok((row.text(0)?.into_owned(), partition, Offset(row.text(2)?.into_owned())))
    })
}

fn state(snapshot: &dyn Snapshot) -> Result<OperatorState, Failure> {
    let found = list(snapshot, "SELECT node, key, value FROM operator_state", &[], |row| {
        Ok(((Arc::from(row.text(0)?), Arc::from(row.text(1)?)), Arc::from(row.blob(2)?)))
    })?;
    Ok(found.into_iter().collect())
}

fn issues(snapshot: &dyn Snapshot) -> Result<Vec<Issue>, Failure> {
    let sql = "SELECT issue, class, template, text, skeleton FROM issues ORDER BY issue";
    list(snapshot, sql, &[], |row| {
        Ok(Issue {
            id: IssueId(codec::id(row, 0)?),
            class: SeverityClass::from_code(row.small(1)?),
            template: Template(codec::id(row, 2)?),
            text: Arc::from(row.text(3)?),
            skeleton: Arc::from(row.text(4)?),
        })
    })
}

fn members(snapshot: &dyn Snapshot) -> Result<Vec<Member>, Failure> {
    let sql = "SELECT f.fingerprint, m.issue FROM members m \
               JOIN fingerprints f ON f.id = m.fingerprint_id ORDER BY f.fingerprint, m.issue";
    list(snapshot, sql, &[], |row| {
        Ok(Member {
            fingerprint: Fingerprint(codec::id(row, 0)?),
            issue: IssueId(codec::id(row, 1)?),
        })
    })
}

/// Returns the counts of a history: of hours where whole hours are asked for or nothing else is left, of
/// minutes elsewhere.
pub(crate) fn counts(
    snapshot: &dyn Snapshot,
    history: History,
) -> Result<Vec<(Fingerprint, Bucket, i64)>, Failure> {
    snapshot.allow_long_sorts()?;
    let ids = fingerprint_ids(snapshot)?;
    let whole_hours = history.size.secs() % HOUR_SECS == 0;
    let minutes = if whole_hours { i64::MAX } else { prune::horizons(snapshot)?.minutes };
    let first = Coarse::first(history).0;
    let mut by_row: FastMap<i64, Coarse> = FastMap::default();
    for (table, start, end) in
        [("hours", first, minutes), ("minutes", first.max(minutes), i64::MAX)]
    {
        let sql = format!(
            "SELECT fingerprint_id, bucket_start, n FROM {table} \
             WHERE bucket_start >= ?1 AND bucket_start < ?2 ORDER BY bucket_start"
        );
        snapshot.stream(&sql, &[start.into(), end.into()], &mut |row| {
            let bucket = Bucket(row.integer(1)?);
            by_row.entry(row.integer(0)?).or_default().add(history, bucket, row.integer(2)?);
            Ok(true)
        })?;
    }
    let mut counts = Vec::new();
    for (id, coarse) in by_row {
        let fingerprint = *ids
            .get(&id)
            .ok_or_else(|| codec::strange(format!("counts belong to no fingerprint (row {id})")))?;
        let filled = coarse.filled().into_iter();
        counts.extend(filled.map(|(bucket, n)| (fingerprint, bucket, n)));
    }
    counts.sort_unstable();
    Ok(counts)
}
