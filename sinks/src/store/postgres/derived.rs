//! How what follows of fingerprints is written: the state of operators, issues with their members, parts
//! and tags, alerts, and the vectors of texts. These rows come and go; the latest stands.

use super::memory::Memory;
use super::pipeline::Write;
use super::values::{Column, Numbers};
use super::write::borrowed;
use crate::store::sql::outbox::Standing;
use crate::store::sql::tags::reason;
use crate::store::sql::{Failure, codec};
use crate::store::steps::CommitStep;
use engine::model::{
    Alert, EMBEDDING_DIMENSIONS, Issue, Member, OutboxRow, Part, StateRow, Tagged, VectorRow,
};
use std::borrow::Cow;

const KEEP_STATE: &str = "\
    WITH kept AS (SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[]) AS k (node, key, value)), \
    known AS (UPDATE operator_state o SET value = k.value FROM kept k \
        WHERE o.node = k.node AND o.key = k.key RETURNING o.node, o.key) \
    INSERT INTO operator_state SELECT k.* FROM kept k \
    WHERE (k.node, k.key) NOT IN (SELECT node, key FROM known)";
const FORGET_STATE: &str = "\
    DELETE FROM operator_state o USING unnest($1::text[], $2::text[]) AS g (node, key) \
    WHERE o.node = g.node AND o.key = g.key";
const REPLACE_VECTORS: &str = "\
    INSERT INTO vectors (text, kernel, numbers) \
    SELECT * FROM unnest($1::bytea[], $2::bigint[], $3::vector[]) \
    ON CONFLICT (text) DO UPDATE SET kernel = excluded.kernel, numbers = excluded.numbers";
const REPLACE_ISSUES: &str = "\
    INSERT INTO issues (issue, class, template, text, skeleton) \
    SELECT * FROM unnest($1::bytea[], $2::bigint[], $3::bytea[], $4::text[], $5::text[]) \
    ON CONFLICT (issue) DO UPDATE SET class = excluded.class, template = excluded.template, \
        text = excluded.text, skeleton = excluded.skeleton";
const REMOVE_ISSUES: &str = "DELETE FROM issues WHERE issue = ANY($1)";
const ADD_MEMBERS: &str = "\
    INSERT INTO members (issue, fingerprint_id) SELECT * FROM unnest($1::bytea[], $2::bigint[]) \
    ON CONFLICT DO NOTHING";
const REMOVE_MEMBERS: &str = "\
    DELETE FROM members m USING unnest($1::bytea[], $2::bigint[]) AS g (issue, fingerprint_id) \
    WHERE m.issue = g.issue AND m.fingerprint_id = g.fingerprint_id";
const ADD_PARTS: &str = "\
    INSERT INTO parts SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::text[], $4::bytea[]) \
        AS n (issue, pattern, text, embedded) \
    WHERE NOT EXISTS (SELECT 1 FROM parts p WHERE p.issue = n.issue AND p.pattern = n.pattern \
        AND p.text = n.text AND p.embedded = n.embedded)";
const REMOVE_PARTS: &str = "\
    DELETE FROM parts p USING unnest($1::bytea[], $2::bytea[], $3::text[], $4::bytea[]) \
        AS g (issue, pattern, text, embedded) \
    WHERE p.issue = g.issue AND p.pattern = g.pattern AND p.text = g.text \
        AND p.embedded = g.embedded";
const ADD_TAGS: &str = "\
    INSERT INTO tags \
    SELECT * FROM unnest($1::bytea[], $2::text[], $3::bigint[], $4::bigint[], $5::text[]) \
        AS n (issue, name, score, reason_kind, reason) \
    WHERE NOT EXISTS (SELECT 1 FROM tags t WHERE t.issue = n.issue AND t.name = n.name \
        AND t.score = n.score AND t.reason_kind = n.reason_kind AND t.reason = n.reason)";
const REMOVE_TAGS: &str = "\
    DELETE FROM tags t \
    USING unnest($1::bytea[], $2::text[], $3::bigint[], $4::bigint[], $5::text[]) \
        AS g (issue, name, score, reason_kind, reason) \
    WHERE t.issue = g.issue AND t.name = g.name AND t.score = g.score \
        AND t.reason_kind = g.reason_kind AND t.reason = g.reason";
const REPLACE_ALERTS: &str = "\
    INSERT INTO alerts (alert_key, issue, start_bucket, last_bucket, bucket_secs, observed, \
        peak_bucket, peak_observed, peak_expected_milli, peak_surprise_milli, state, service, details) \
    SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::bigint[], $4::bigint[], $5::bigint[], \
        $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::text[], \
        $12::text[], $13::text[]) \
    ON CONFLICT (alert_key) DO UPDATE SET issue = excluded.issue, \
        start_bucket = excluded.start_bucket, last_bucket = excluded.last_bucket, \
        bucket_secs = excluded.bucket_secs, observed = excluded.observed, \
        peak_bucket = excluded.peak_bucket, peak_observed = excluded.peak_observed, \
        peak_expected_milli = excluded.peak_expected_milli, \
        peak_surprise_milli = excluded.peak_surprise_milli, state = excluded.state, \
        service = excluded.service, details = excluded.details";
const REPLACE_OUTBOX: &str = "\
    INSERT INTO outbox (notice_id, notifier, incident, at, state, settled_at, reason, body) \
    SELECT * FROM unnest($1::bytea[], $2::text[], $3::bytea[], $4::bigint[], $5::text[], \
        $6::bigint[], $7::text[], $8::text[]) \
    ON CONFLICT (notice_id, notifier) DO UPDATE SET incident = excluded.incident, \
        at = excluded.at, state = excluded.state, settled_at = excluded.settled_at, \
        reason = excluded.reason, body = excluded.body";

/// The statements, to prepare them together.
pub(super) const STATEMENTS: [&str; 13] = [
    KEEP_STATE,
    FORGET_STATE,
    REPLACE_VECTORS,
    REPLACE_ISSUES,
    REMOVE_ISSUES,
    ADD_MEMBERS,
    REMOVE_MEMBERS,
    ADD_PARTS,
    REMOVE_PARTS,
    ADD_TAGS,
    REMOVE_TAGS,
    REPLACE_ALERTS,
    REPLACE_OUTBOX,
];

/// Replaces or forgets what operators keep.
pub(super) fn state<'a>(writes: &mut Vec<Write<'a>>, rows: &'a [StateRow]) {
    let step = CommitStep::AfterState;
    let kept = || rows.iter().filter_map(|row| row.value.as_ref().map(|value| (row, value)));
    let columns = vec![
        Column::texts(kept().map(|(row, _)| &*row.node)),
        Column::texts(kept().map(|(row, _)| &*row.key)),
        Column::blobs(kept().map(|(_, value)| borrowed(value))),
    ];
    writes.push(Write::new(step, KEEP_STATE, columns));
    let gone = || rows.iter().filter(|row| row.value.is_none());
    let columns = vec![
        Column::texts(gone().map(|row| &*row.node)),
        Column::texts(gone().map(|row| &*row.key)),
    ];
    writes.push(Write::new(step, FORGET_STATE, columns));
}

/// Inserts or replaces vectors. One that pgvector cannot hold, because a number is not finite or missing,
/// is left out: nothing could be done with it, and its text is embedded anew after the next start.
pub(super) fn vectors<'a>(writes: &mut Vec<Write<'a>>, rows: &'a [VectorRow]) {
    let held: Vec<(&VectorRow, Numbers<'a>)> = rows
        .iter()
        .filter_map(|row| Some((row, Numbers::of(&row.bytes, EMBEDDING_DIMENSIONS)?)))
        .collect();
    let columns = vec![
        Column::ids(held.iter().map(|(row, _)| row.text.0)),
        Column::integers(held.iter().map(|(row, _)| i64::from(row.kernel.code()))),
        Column::Vectors(held.iter().map(|(_, numbers)| *numbers).collect()),
    ];
    let write = Write::new(CommitStep::AfterVectors, REPLACE_VECTORS, columns);
    writes.push(write.few_at_a_time());
}

/// Inserts, replaces or removes issues.
pub(super) fn issues<'a>(writes: &mut Vec<Write<'a>>, issues: &'a [(Issue, bool)]) {
    let step = CommitStep::AfterIssues;
    let here = || which(issues, true);
    let columns = vec![
        Column::ids(here().map(|issue| issue.id.0)),
        Column::integers(here().map(|issue| issue.class as i64)),
        Column::ids(here().map(|issue| issue.template.0)),
        Column::texts(here().map(|issue| &*issue.text)),
        Column::texts(here().map(|issue| &*issue.skeleton)),
    ];
    writes.push(Write::new(step, REPLACE_ISSUES, columns));
    let gone = vec![Column::ids(which(issues, false).map(|issue| issue.id.0))];
    writes.push(Write::new(step, REMOVE_ISSUES, gone));
}

/// Inserts or removes members.
pub(super) fn members(writes: &mut Vec<Write<'_>>, memory: &Memory, members: &[(Member, bool)]) {
    for (present, sql) in [(true, ADD_MEMBERS), (false, REMOVE_MEMBERS)] {
        let rows = || which(members, present);
        let columns = vec![
            Column::ids(rows().map(|member| member.issue.0)),
            Column::integers(rows().map(|member| memory.fingerprint(member.fingerprint))),
        ];
        writes.push(Write::new(CommitStep::AfterMembers, sql, columns));
    }
}

/// Inserts or removes parts.
pub(super) fn parts<'a>(writes: &mut Vec<Write<'a>>, parts: &'a [(Part, bool)]) {
    let embedded = |part: &Part| -> Cow<'static, [u8]> {
        Cow::Owned(part.embedded.map_or(Vec::new(), |text| text.0.to_be_bytes().to_vec()))
    };
    for (present, sql) in [(true, ADD_PARTS), (false, REMOVE_PARTS)] {
        let rows = || which(parts, present);
        let columns = vec![
            Column::ids(rows().map(|part| part.issue.0)),
            Column::ids(rows().map(|part| part.pattern.0)),
            Column::texts(rows().map(|part| &*part.text)),
            Column::blobs(rows().map(embedded)),
        ];
        writes.push(Write::new(CommitStep::AfterParts, sql, columns));
    }
}

/// Inserts or removes tags.
pub(super) fn tags<'a>(writes: &mut Vec<Write<'a>>, tags: &'a [(Tagged, bool)]) {
    for (present, sql) in [(true, ADD_TAGS), (false, REMOVE_TAGS)] {
        let rows = || which(tags, present);
        let columns = vec![
            Column::ids(rows().map(|tagged| tagged.issue.0)),
            Column::texts(rows().map(|tagged| &*tagged.tag.name)),
            Column::integers(rows().map(|tagged| i64::from(tagged.tag.score.millionths()))),
            Column::integers(rows().map(|tagged| reason(&tagged.tag.reason).0)),
            Column::texts(rows().map(|tagged| &**reason(&tagged.tag.reason).1)),
        ];
        writes.push(Write::new(CommitStep::AfterTags, sql, columns));
    }
}

/// Inserts or replaces alerts.
pub(super) fn alerts<'a>(writes: &mut Vec<Write<'a>>, alerts: &'a [Alert]) -> Result<(), Failure> {
    let integers = |of: fn(&Alert) -> i64| Column::integers(alerts.iter().map(of));
    let details = alerts.iter().map(|alert| codec::json(&alert.details).map(Cow::Owned));
    let columns = vec![
        Column::ids(alerts.iter().map(|alert| alert.key.0)),
        Column::ids(alerts.iter().map(|alert| alert.issue.0)),
        integers(|alert| alert.start.0),
        integers(|alert| alert.last.0),
        integers(|alert| i64::from(alert.bucket_secs)),
        integers(|alert| alert.observed),
        integers(|alert| alert.peak.bucket.0),
        integers(|alert| alert.peak.observed),
        integers(|alert| alert.peak.expected_milli),
        integers(|alert| alert.peak.surprise_milli),
        Column::texts(alerts.iter().map(|alert| alert.details.state.as_str())),
        Column::texts(alerts.iter().map(|alert| &*alert.details.service)),
        Column::names(details.collect::<Result<Vec<_>, _>>()?),
    ];
    writes.push(Write::new(CommitStep::AfterAlerts, REPLACE_ALERTS, columns).few_at_a_time());
    Ok(())
}

/// Inserts or replaces rows of the outbox.
pub(super) fn outbox<'a>(
    writes: &mut Vec<Write<'a>>,
    rows: &'a [OutboxRow],
) -> Result<(), Failure> {
    let standing = || rows.iter().map(|row| Standing::of(&row.state));
    let bodies = rows.iter().map(|row| codec::json(&*row.notice).map(Cow::Owned));
    let columns = vec![
        Column::ids(rows.iter().map(|row| row.notice.id.0)),
        Column::texts(rows.iter().map(|row| &*row.notifier)),
        Column::ids(rows.iter().map(|row| row.notice.incident.0)),
        Column::integers(rows.iter().map(|row| row.notice.at.0)),
        Column::texts(standing().map(|standing| standing.state)),
        Column::SomeIntegers(standing().map(|standing| standing.settled_at).collect()),
        Column::texts(standing().map(|standing| standing.reason)),
        Column::names(bodies.collect::<Result<Vec<_>, _>>()?),
    ];
    writes.push(Write::new(CommitStep::AfterOutbox, REPLACE_OUTBOX, columns).few_at_a_time());
    Ok(())
}

/// Returns the rows that come (`true`) or go.
fn which<T>(rows: &[(T, bool)], present: bool) -> impl Iterator<Item = &T> {
    rows.iter().filter(move |(_, is)| *is == present).map(|(row, _)| row)
}
