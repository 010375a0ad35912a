//! How what follows of fingerprints is written: issues with their members, parts and tags, alerts, and
//! the vectors of texts. These rows come and go; the latest stands.

use super::Failure;
use super::write::Memory;
use crate::store::sql::tags::reason;
use crate::store::sql::{alerts, codec};
use engine::model::{Alert, Issue, Member, Part, Tagged, VectorRow};
use rusqlite::{Transaction, params};

impl Memory {
    /// Inserts or removes members.
    pub(super) fn members(
        &mut self,
        transaction: &Transaction<'_>,
        members: &[(Member, bool)],
    ) -> Result<(), Failure> {
        let mut insert = transaction.prepare_cached(
            "INSERT OR IGNORE INTO members (issue, fingerprint_id) VALUES (?1, ?2)",
        )?;
        let mut remove = transaction
            .prepare_cached("DELETE FROM members WHERE issue = ?1 AND fingerprint_id = ?2")?;
        for (member, present) in members {
            let id = self.fingerprint(transaction, member.fingerprint)?;
            let statement = if *present { &mut insert } else { &mut remove };
            statement.execute(params![codec::blob(member.issue.0), id])?;
        }
        Ok(())
    }
}

/// Inserts, replaces or removes issues.
pub(super) fn issues(
    transaction: &Transaction<'_>,
    issues: &[(Issue, bool)],
) -> Result<(), Failure> {
    let mut insert = transaction.prepare_cached(
        "INSERT OR REPLACE INTO issues (issue, class, template, text, skeleton) \
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    let mut remove = transaction.prepare_cached("DELETE FROM issues WHERE issue = ?1")?;
    for (issue, present) in issues {
        let id = codec::blob(issue.id.0);
        match present {
            true => {
                let template = codec::blob(issue.template.0);
                let class = issue.class as u8;
                insert.execute(params![id, class, template, issue.text, issue.skeleton])?
            }
            false => remove.execute([id])?,
        };
    }
    Ok(())
}

/// Inserts or replaces alerts.
pub(super) fn alerts(transaction: &Transaction<'_>, rows: &[Alert]) -> Result<(), Failure> {
    let mut insert = transaction.prepare_cached(&format!(
        "INSERT OR REPLACE INTO alerts ({}) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        alerts::COLUMNS
    ))?;
    for alert in rows {
        insert.execute(params![
            codec::blob(alert.key.0),
            codec::blob(alert.issue.0),
            alert.start.0,
            alert.last.0,
            alert.bucket_secs,
            alert.observed,
            alert.peak.bucket.0,
            alert.peak.observed,
            alert.peak.expected_milli,
            alert.peak.surprise_milli,
            alert.details.state.as_str(),
            alert.details.service,
            codec::json(&alert.details)?,
        ])?;
    }
    Ok(())
}

/// Inserts or removes parts.
pub(super) fn parts(transaction: &Transaction<'_>, parts: &[(Part, bool)]) -> Result<(), Failure> {
    let mut insert = transaction.prepare_cached(
        "INSERT OR IGNORE INTO parts (issue, pattern, text, embedded) VALUES (?1, ?2, ?3, ?4)",
    )?;
    let mut remove = transaction.prepare_cached(
        "DELETE FROM parts WHERE issue = ?1 AND pattern = ?2 AND text = ?3 AND embedded = ?4",
    )?;
    for (part, present) in parts {
        let (issue, pattern) = (codec::blob(part.issue.0), codec::blob(part.pattern.0));
        let embedded = part.embedded.map(|text| codec::blob(text.0));
        let embedded = embedded.as_ref().map_or(&[][..], |id| &id[..]);
        let statement = if *present { &mut insert } else { &mut remove };
        statement.execute(params![issue, pattern, part.text, embedded])?;
    }
    Ok(())
}

/// Inserts or removes tags.
pub(super) fn tags(transaction: &Transaction<'_>, tags: &[(Tagged, bool)]) -> Result<(), Failure> {
    let mut insert = transaction.prepare_cached(
        "INSERT OR IGNORE INTO tags (issue, name, score, reason_kind, reason) \
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    let mut remove = transaction.prepare_cached(
        "DELETE FROM tags WHERE issue = ?1 AND name = ?2 AND score = ?3 AND reason_kind = ?4 \
         AND reason = ?5",
    )?;
    for (Tagged { issue, tag }, present) in tags {
        let (kind, reason) = reason(&tag.reason);
        let statement = if *present { &mut insert } else { &mut remove };
        let (issue, score) = (codec::blob(issue.0), tag.score.millionths());
        statement.execute(params![issue, tag.name, score, kind, reason])?;
    }
    Ok(())
}

/// Inserts or replaces vectors.
pub(super) fn vectors(transaction: &Transaction<'_>, rows: &[VectorRow]) -> Result<(), Failure> {
    let mut insert = transaction.prepare_cached(
        "INSERT OR REPLACE INTO vectors (text, kernel, numbers) VALUES (?1, ?2, ?3)",
    )?;
    for row in rows {
        insert.execute(params![codec::blob(row.text.0), row.kernel.code(), &row.bytes[..]])?;
    }
    Ok(())
}
