//! How what was read is written: fingerprints, counts, accounts, rejected records and offsets. All of it
//! adds up or merges, so that order does not matter; each statement takes its rows as arrays.

use super::memory::Memory;
use super::pipeline::Write;
use super::values::Column;
use super::{derived, memory, samples, triage};
use crate::store::retention::Horizons;
use crate::store::rows::{FastMap, NEVER_LAST, counter_name};
use crate::store::sql::codec;
use crate::store::sql::deltas::{Delta, hours_of};
use crate::store::sql::prune::take_forgotten;
use crate::store::steps::CommitStep;
use engine::component::Contents;
use engine::model::{Account, IssueId, Progress, Rejected, Sighting};
use std::borrow::Cow;

/// Leaves a row alone unless the sighting changes it. A row without a sighting, whose first time is the
/// largest there is, takes everything.
const MERGE_SIGHTINGS: &str = "\
    UPDATE fingerprints f SET \
        template = s.template, class = s.class, service = s.service, skeleton = s.skeleton, \
        own_issue = s.own_issue, severity = greatest(f.severity, s.severity), \
        text = CASE WHEN (s.first_time, s.first_hash) < (f.first_time, f.first_hash) \
            THEN s.text ELSE f.text END, \
        first_hash = CASE WHEN (s.first_time, s.first_hash) < (f.first_time, f.first_hash) \
            THEN s.first_hash ELSE f.first_hash END, \
        first_time = least(f.first_time, s.first_time), \
        source_id = CASE WHEN f.first_time = 9223372036854775807 OR s.rank < \
            (SELECT rank FROM sources WHERE id = f.source_id) THEN s.source_id ELSE f.source_id END \
    FROM (SELECT u.*, (SELECT rank FROM sources WHERE id = u.source_id) AS rank FROM unnest( \
            $1::bigint[], $2::bytea[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], \
            $7::bigint[], $8::text[], $9::text[], $10::text[], $11::bytea[]) \
        AS u (id, template, class, severity, first_time, first_hash, source_id, service, text, \
            skeleton, own_issue)) s \
    WHERE f.id = s.id AND (f.first_time = 9223372036854775807 \
        OR (s.first_time, s.first_hash) < (f.first_time, f.first_hash) OR f.severity < s.severity \
        OR s.rank < (SELECT rank FROM sources WHERE id = f.source_id))";
const ADD_TOTALS: &str = "\
    UPDATE totals t SET total = t.total + s.n, last_seen = greatest(t.last_seen, s.last_seen) \
    FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS s (id, n, last_seen) \
    WHERE t.fingerprint_id = s.id AND (s.n <> 0 OR t.last_seen < s.last_seen)";
const ADD_MINUTES: &str = "\
    INSERT INTO minutes AS c (bucket_start, fingerprint_id, n) \
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) \
    ON CONFLICT (bucket_start, fingerprint_id) DO UPDATE SET n = c.n + excluded.n";
const ADD_HOURS: &str = "\
    INSERT INTO hours AS c (bucket_start, fingerprint_id, n) \
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) \
    ON CONFLICT (bucket_start, fingerprint_id) DO UPDATE SET n = c.n + excluded.n";
const ADD_ACCOUNTS: &str = "\
    INSERT INTO accounts AS a (source_id, counter, n) \
    SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[]) \
    ON CONFLICT (source_id, counter) DO UPDATE SET n = a.n + excluded.n";
const KEEP_REJECTED: &str = "\
    INSERT INTO rejected (source_id, reason, hash, record) \
    SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[]) ON CONFLICT DO NOTHING";
/// Per source and reason those with the smallest hash stay.
const PRUNE_REJECTED: &str = "\
    DELETE FROM rejected r USING unnest($1::bigint[], $2::text[], $3::bigint[]) \
        AS g (source_id, reason, place) \
    WHERE r.source_id = g.source_id AND r.reason = g.reason AND r.hash > (SELECT hash \
        FROM rejected WHERE source_id = g.source_id AND reason = g.reason \
        ORDER BY hash LIMIT 1 OFFSET g.place)";
const MOVE_PARTITIONS: &str = "\
    WITH moved AS (SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::bigint[]) \
        AS m (source_id, partition, resume_offset, lag_bytes, received)), \
    known AS (UPDATE partitions p SET resume_offset = m.resume_offset, lag_bytes = m.lag_bytes, \
            received = m.received FROM moved m \
        WHERE p.source_id = m.source_id AND p.partition = m.partition \
        RETURNING p.source_id, p.partition) \
    INSERT INTO partitions SELECT m.* FROM moved m \
    WHERE (m.source_id, m.partition) NOT IN (SELECT source_id, partition FROM known)";
const FORGET_PARTITIONS: &str = "\
    DELETE FROM partitions p USING unnest($1::bigint[], $2::text[]) AS g (source_id, partition) \
    WHERE p.source_id = g.source_id AND p.partition = g.partition";

/// Every statement of a commit, prepared together when a session begins.
pub(super) const STATEMENTS: &[&[&str]] = &[
    &[MERGE_SIGHTINGS, ADD_TOTALS, ADD_MINUTES, ADD_HOURS, ADD_ACCOUNTS, KEEP_REJECTED],
    &[PRUNE_REJECTED, MOVE_PARTITIONS, FORGET_PARTITIONS],
    &memory::STATEMENTS,
    &samples::STATEMENTS,
    &derived::STATEMENTS,
    &triage::STATEMENTS,
];

/// Merges sightings into the known fingerprints.
pub(super) fn sightings<'a>(
    writes: &mut Vec<Write<'a>>,
    memory: &Memory,
    sightings: &'a [Sighting],
) {
    let own_issue = |s: &Sighting| IssueId::new(s.class, s.template).0;
    let columns = vec![
        Column::integers(sightings.iter().map(|s| memory.fingerprint(s.fingerprint))),
        Column::ids(sightings.iter().map(|s| s.template.0)),
        Column::integers(sightings.iter().map(|s| s.class as i64)),
        Column::integers(sightings.iter().map(|s| s.severity as i64)),
        Column::integers(sightings.iter().map(|s| s.first.time.0)),
        Column::integers(sightings.iter().map(|s| codec::signed(s.first.hash))),
        Column::integers(sightings.iter().map(|s| memory.source(s.source))),
        Column::texts(sightings.iter().map(|s| &*s.service)),
        Column::texts(sightings.iter().map(|s| &*s.text)),
        Column::texts(sightings.iter().map(|s| &*s.skeleton)),
        Column::ids(sightings.iter().map(own_issue)),
    ];
    writes.push(Write::new(CommitStep::AfterSightings, MERGE_SIGHTINGS, columns));
}

/// Adds counts to minutes, hours and totals, and notes when fingerprints were seen last. Returns how many
/// events belong to minutes and to hours that are forgotten.
pub(super) fn counts(
    writes: &mut Vec<Write<'_>>,
    memory: &Memory,
    contents: &Contents,
    horizons: Horizons,
) -> (i64, i64) {
    let mut totals: FastMap<i64, (i64, i64)> = FastMap::default();
    let mut minutes: Vec<Delta> = Vec::with_capacity(contents.counts.len());
    for of_one in contents.counts.chunk_by(|a, b| a.0 == b.0) {
        let id = memory.fingerprint(of_one[0].0);
        totals.entry(id).or_insert((0, NEVER_LAST.0)).0 += of_one.iter().map(|c| c.2).sum::<i64>();
        minutes.extend(of_one.iter().map(|&(_, bucket, n)| (bucket.0, id, n)));
    }
    for sighting in &contents.sightings {
        let id = memory.fingerprint(sighting.fingerprint);
        let last = &mut totals.entry(id).or_insert((0, NEVER_LAST.0)).1;
        *last = sighting.last.0.max(*last);
    }
    let mut totals: Vec<Delta> = totals.into_iter().map(|(id, (n, last))| (id, n, last)).collect();
    totals.sort_unstable();
    minutes.sort_unstable();
    let mut hours = hours_of(&minutes);
    let late = (
        take_forgotten(&mut minutes, horizons.minutes),
        take_forgotten(&mut hours, horizons.hours),
    );
    for (sql, deltas) in [(ADD_TOTALS, totals), (ADD_MINUTES, minutes), (ADD_HOURS, hours)] {
        let columns = vec![
            Column::integers(deltas.iter().map(|delta| delta.0)),
            Column::integers(deltas.iter().map(|delta| delta.1)),
            Column::integers(deltas.iter().map(|delta| delta.2)),
        ];
        writes.push(Write::new(CommitStep::AfterCounts, sql, columns));
    }
    late
}

/// Adds accounts.
pub(super) fn accounts<'a>(writes: &mut Vec<Write<'a>>, memory: &Memory, accounts: &'a [Account]) {
    let columns = vec![
        Column::integers(accounts.iter().map(|account| memory.source(account.source))),
        Column::names(accounts.iter().map(|account| counter_name(&account.counter))),
        Column::integers(accounts.iter().map(|account| account.n)),
    ];
    writes.push(Write::new(CommitStep::AfterAccounts, ADD_ACCOUNTS, columns));
}

/// Merges rejected examples.
pub(super) fn rejected<'a>(writes: &mut Vec<Write<'a>>, memory: &Memory, rejected: &'a [Rejected]) {
    let step = CommitStep::AfterRejected;
    let columns = vec![
        Column::integers(rejected.iter().map(|example| memory.source(example.source))),
        Column::texts(rejected.iter().map(|example| example.reason.as_str())),
        Column::integers(rejected.iter().map(|example| codec::signed(example.hash))),
        Column::texts(rejected.iter().map(|example| &*example.record)),
    ];
    writes.push(Write::new(step, KEEP_REJECTED, columns));
    let groups = rejected.chunk_by(|a, b| (a.source, a.reason) == (b.source, b.reason));
    let groups: Vec<&Rejected> = groups.map(|group| &group[0]).collect();
    let columns = vec![
        Column::integers(groups.iter().map(|group| memory.source(group.source))),
        Column::texts(groups.iter().map(|group| group.reason.as_str())),
        Column::integers(groups.iter().map(|_| Rejected::PER_REASON_MAX as i64 - 1)),
    ];
    writes.push(Write::new(step, PRUNE_REJECTED, columns));
}

/// Moves partitions on, or forgets them.
pub(super) fn progress<'a>(writes: &mut Vec<Write<'a>>, memory: &Memory, progress: &'a [Progress]) {
    let step = CommitStep::AfterProgress;
    let moved = || progress.iter().filter_map(|p| p.offset.as_ref().map(|offset| (p, offset)));
    let columns = vec![
        Column::integers(moved().map(|(p, _)| memory.source(p.source))),
        Column::texts(moved().map(|(p, _)| &*p.partition.0)),
        Column::texts(moved().map(|(_, offset)| &*offset.0)),
        Column::integers(moved().map(|(p, _)| codec::count(p.lag_bytes))),
        Column::integers(moved().map(|(p, _)| p.received.0)),
    ];
    writes.push(Write::new(step, MOVE_PARTITIONS, columns));
    let gone = || progress.iter().filter(|p| p.offset.is_none());
    let columns = vec![
        Column::integers(gone().map(|p| memory.source(p.source))),
        Column::texts(gone().map(|p| &*p.partition.0)),
    ];
    writes.push(Write::new(step, FORGET_PARTITIONS, columns));
}

/// Returns bytes as a column holds them.
pub(super) fn borrowed(bytes: &[u8]) -> Cow<'_, [u8]> {
    Cow::Borrowed(bytes)
}
