//! How values stand in SQLite columns: order-preserving, and the same on every machine.

use super::Failure;
use engine::component::StoreError;
use engine::model::{Alert, AlertKey, Bucket, IssueId, Verdict};
use rusqlite::Row;

/// Returns a 128-bit id as a blob that sorts like the number.
pub(super) fn blob(id: u128) -> [u8; 16] {
    id.to_be_bytes()
}

/// Returns the 128-bit id in a column.
pub(super) fn id(row: &Row<'_>, column: usize) -> rusqlite::Result<u128> {
    row.get::<_, [u8; 16]>(column).map(u128::from_be_bytes)
}

/// Returns a hash as a signed number that sorts like the hash.
pub(super) fn signed(hash: u64) -> i64 {
    (hash ^ (1 << 63)).cast_signed()
}

/// Returns the hash that [`signed`] stored.
pub(super) fn hash(stored: i64) -> u64 {
    stored.cast_unsigned() ^ (1 << 63)
}

/// Returns a count that only grows as a column value.
pub(super) fn count(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// The columns of an alert, in the order in which [`alert`] reads them.
pub(super) const ALERT_COLUMNS: &str = "alert_key, issue, start_bucket, last_bucket, bucket_secs, \
     observed, peak_bucket, peak_observed, peak_expected_milli, peak_surprise_milli";

/// Reads an alert.
pub(super) fn alert(row: &Row<'_>) -> rusqlite::Result<Alert> {
    Ok(Alert {
        key: AlertKey(id(row, 0)?),
        issue: IssueId(id(row, 1)?),
        start: Bucket(row.get(2)?),
        last: Bucket(row.get(3)?),
        bucket_secs: row.get(4)?,
        observed: row.get(5)?,
        peak: Verdict {
            bucket: Bucket(row.get(6)?),
            observed: row.get(7)?,
            expected_milli: row.get(8)?,
            surprise_milli: row.get(9)?,
        },
    })
}

/// Returns the failure of a row that this version cannot have written.
pub(super) fn strange(what: impl Into<String>) -> Failure {
    Failure::Store(StoreError::Damaged { what: what.into(), cause: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_hashes_sort_like_the_hashes_and_come_back() {
        let hashes = [0, 1, i64::MAX as u64, 1 << 63, u64::MAX];
        assert!(hashes.map(signed).is_sorted());
        assert_eq!(hashes.map(|h| hash(signed(h))), hashes);
    }
}
