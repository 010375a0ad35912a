//! What an engine starts from, read in one transaction.

use super::write::Writer;
use super::{Failure, codec};
use crate::store::rows::{FastMap, NEVER_FIRST, embedded, keep_alerts_within};
use engine::component::{History, KnownFingerprint, NodeIdentity, Recovered};
use engine::model::{
    Bucket, Epoch, EventTime, Fingerprint, FirstSeen, Issue, IssueId, Member, Offset, PartitionId,
    Severity, SeverityClass, StateKey, Template,
};
use rusqlite::{Connection, Row};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What operators keep, by node and key.
type OperatorState = BTreeMap<StateKey, Arc<[u8]>>;

impl Writer {
    /// Loads the last commit.
    pub(super) fn recover(&mut self, history: Option<History>) -> Result<Recovered, Failure> {
        let transaction = self.connection.transaction()?;
        let (epoch, identity) = checkpoint(&transaction)?;
        let ids = fingerprint_ids(&transaction)?;
        for (&id, &fingerprint) in &ids {
            self.memory.remember(fingerprint, id);
        }
        let counts = match history {
            Some(history) => counts(&transaction, &ids, history)?,
            None => Vec::new(),
        };
        let mut recovered = Recovered {
            epoch,
            identity,
            offsets: offsets(&transaction)?,
            fingerprints: fingerprints(&transaction)?,
            counts,
            issues: issues(&transaction)?,
            members: members(&transaction)?,
            parts: super::parts::all(&transaction)?,
            tags: super::tags::all(&transaction)?,
            alerts: rows(
                &transaction,
                &format!("SELECT {} FROM alerts ORDER BY alert_key", codec::ALERT_COLUMNS),
                codec::alert,
            )?,
            state: state(&transaction)?,
            vectors: super::vectors::all(&transaction)?.iter().filter_map(embedded).collect(),
        };
        let Recovered { alerts, members, counts, .. } = &mut recovered;
        keep_alerts_within(alerts, members, counts, history);
        Ok(recovered)
    }
}

fn rows<T>(
    connection: &Connection,
    sql: &str,
    row: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, Failure> {
    Ok(connection.prepare(sql)?.query_map([], row)?.collect::<rusqlite::Result<_>>()?)
}

fn checkpoint(connection: &Connection) -> Result<(Option<Epoch>, Vec<NodeIdentity>), Failure> {
    let (epoch, identity): (Option<i64>, String) =
        connection.query_row("SELECT epoch, identity FROM checkpoint", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let identity = serde_json::from_str(&identity)
        .map_err(|error| codec::strange(format!("cannot read the stored graph: {error}")))?;
    Ok((epoch.map(|epoch| Epoch(epoch.cast_unsigned())), identity))
}

fn fingerprint_ids(connection: &Connection) -> Result<FastMap<i64, Fingerprint>, Failure> {
    let sql = "SELECT id, fingerprint FROM fingerprints";
    let pairs = rows(connection, sql, |row| Ok((row.get(0)?, Fingerprint(codec::id(row, 1)?))))?;
    Ok(pairs.into_iter().collect())
}

fn fingerprints(connection: &Connection) -> Result<Vec<KnownFingerprint>, Failure> {
    let mut select = connection.prepare(
        "SELECT fingerprint, template, class, severity, first_time, service, skeleton, \
         first_hash, text, (SELECT name FROM sources WHERE id = source_id) \
         FROM fingerprints WHERE first_time <> ?1 ORDER BY fingerprint",
    )?;
    let known = select.query_map([NEVER_FIRST.time.0], |row| {
        Ok(KnownFingerprint {
            fingerprint: Fingerprint(codec::id(row, 0)?),
            template: Template(codec::id(row, 1)?),
            class: SeverityClass::from_code(row.get(2)?),
            severity: Severity::from_code(row.get(3)?),
            first: FirstSeen { time: EventTime(row.get(4)?), hash: codec::hash(row.get(7)?) },
            service: Arc::from(row.get::<_, String>(5)?),
            skeleton: Arc::from(row.get::<_, String>(6)?),
            text: Arc::from(row.get::<_, String>(8)?),
            source: row.get(9)?,
        })
    })?;
    Ok(known.collect::<rusqlite::Result<_>>()?)
}

fn offsets(connection: &Connection) -> Result<Vec<(String, PartitionId, Offset)>, Failure> {
    let sql = "SELECT s.name, p.partition, p.resume_offset FROM partitions p \
               JOIN sources s ON s.id = p.source_id ORDER BY s.name, p.partition";
    rows(connection, sql, |row| {
        Ok((row.get(0)?, PartitionId(Arc::from(row.get::<_, String>(1)?)), Offset(row.get(2)?)))
    })
}

fn state(connection: &Connection) -> Result<OperatorState, Failure> {
    let found = rows(connection, "SELECT node, key, value FROM operator_state", |row| {
        let (node, key, value): (String, String, Vec<u8>) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(((Arc::from(node), Arc::from(key)), Arc::from(value)))
    })?;
    Ok(found.into_iter().collect())
}

fn issues(connection: &Connection) -> Result<Vec<Issue>, Failure> {
    let sql = "SELECT issue, class, template, text, skeleton FROM issues ORDER BY issue";
    rows(connection, sql, |row| {
        Ok(Issue {
            id: IssueId(codec::id(row, 0)?),
            class: SeverityClass::from_code(row.get(1)?),
            template: Template(codec::id(row, 2)?),
            text: Arc::from(row.get::<_, String>(3)?),
            skeleton: Arc::from(row.get::<_, String>(4)?),
        })
    })
}

fn members(connection: &Connection) -> Result<Vec<Member>, Failure> {
    let sql = "SELECT f.fingerprint, m.issue FROM members m \
               JOIN fingerprints f ON f.id = m.fingerprint_id ORDER BY f.fingerprint, m.issue";
    rows(connection, sql, |row| {
        Ok(Member {
            fingerprint: Fingerprint(codec::id(row, 0)?),
            issue: IssueId(codec::id(row, 1)?),
        })
    })
}

/// Reads counts from the newest to the oldest, so that only what the history asks for is held.
fn counts(
    connection: &Connection,
    ids: &FastMap<i64, Fingerprint>,
    history: History,
) -> Result<Vec<(Fingerprint, Bucket, i64)>, Failure> {
    let mut select = connection.prepare(
        "SELECT fingerprint_id, bucket_start, n FROM minutes ORDER BY bucket_start DESC",
    )?;
    let mut newest_first: FastMap<i64, Vec<(Bucket, i64)>> = FastMap::default();
    let mut found = select.query([])?;
    while let Some(row) = found.next()? {
        let bucket = history.size.coarsen(Bucket(row.get(1)?));
        take(newest_first.entry(row.get(0)?).or_default(), bucket, row.get(2)?, history.keep_secs);
    }
    let mut counts = Vec::new();
    for (id, buckets) in newest_first {
        let fingerprint = *ids
            .get(&id)
            .ok_or_else(|| codec::strange(format!("counts belong to no fingerprint (row {id})")))?;
        let filled = buckets.into_iter().filter(|&(_, n)| n != 0);
        counts.extend(filled.map(|(bucket, n)| (fingerprint, bucket, n)));
    }
    counts.sort_unstable();
    Ok(counts)
}

/// Adds to the oldest bucket taken so far, or begins one that is older; empty buckets vanish.
fn take(taken: &mut Vec<(Bucket, i64)>, bucket: Bucket, n: i64, keep_secs: i64) {
    match taken.last_mut() {
        Some((last, sum)) if *last == bucket => *sum += n,
        _ => {
            taken.pop_if(|(_, sum)| *sum == 0);
            let oldest = taken.first().map(|(newest, _)| newest.0.saturating_sub(keep_secs));
            if n != 0 && oldest.is_none_or(|oldest| bucket.0 >= oldest) {
                taken.push((bucket, n));
            }
        }
    }
}
