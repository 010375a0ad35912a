//! How values stand in columns: order-preserving, and the same on every machine and in each store.

use super::{Failure, Row};
use engine::component::StoreError;
use engine::model::{Alert, AlertKey, Bucket, IssueId, Verdict};

/// Returns a 128-bit id as a blob that sorts like the number.
pub(crate) fn blob(id: u128) -> [u8; 16] {
    id.to_be_bytes()
}

/// Returns the 128-bit id in a column.
pub(crate) fn id(row: &dyn Row, column: usize) -> Result<u128, Failure> {
    id_of(&row.blob(column)?)
}

/// Returns the 128-bit id that a blob is.
pub(crate) fn id_of(blob: &[u8]) -> Result<u128, Failure> {
    let bytes = <[u8; 16]>::try_from(blob)
        .map_err(|_| strange(format!("an id has {} bytes, not 16", blob.len())))?;
    Ok(u128::from_be_bytes(bytes))
}

/// Returns a hash as a signed number that sorts like the hash.
pub(crate) fn signed(hash: u64) -> i64 {
    (hash ^ (1 << 63)).cast_signed()
}

/// Returns the hash that [`signed`] stored.
pub(crate) fn hash(stored: i64) -> u64 {
    stored.cast_unsigned() ^ (1 << 63)
}

/// Returns a count that only grows as a column value.
pub(crate) fn count(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Returns a limit as a column value.
pub(crate) fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

/// The columns of an alert, in the order in which [`alert`] reads them.
pub(crate) const ALERT_COLUMNS: &str = "alert_key, issue, start_bucket, last_bucket, bucket_secs, \
     observed, peak_bucket, peak_observed, peak_expected_milli, peak_surprise_milli";

/// Reads an alert.
pub(crate) fn alert(row: &dyn Row) -> Result<Alert, Failure> {
    Ok(Alert {
        key: AlertKey(id(row, 0)?),
        issue: IssueId(id(row, 1)?),
        start: Bucket(row.integer(2)?),
        last: Bucket(row.integer(3)?),
        bucket_secs: row.small(4)?,
        observed: row.integer(5)?,
        peak: Verdict {
            bucket: Bucket(row.integer(6)?),
            observed: row.integer(7)?,
            expected_milli: row.integer(8)?,
            surprise_milli: row.integer(9)?,
        },
        details: engine::model::AlertDetails::default(),
    })
}

/// Returns the failure of a store that holds something which this version cannot have written.
pub(crate) fn strange(what: impl std::fmt::Display) -> Failure {
    let what = format!(
        "{what}; the disk or another program has changed it. Restore a backup with \
         `seismolog restore BACKUP --replace`"
    );
    Failure::Store(StoreError::Damaged { what, cause: None })
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
