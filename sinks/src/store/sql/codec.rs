//! How values stand in columns: order-preserving, and the same on every machine and in each store.

use super::{Failure, Row};
use engine::component::StoreError;
use serde::Serialize;
use serde::de::DeserializeOwned;

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

/// Returns a value as a text.
pub(crate) fn json(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(|error| Failure::Database(error.into()))
}

/// Returns the value that [`json`] wrote; `what` it is, in case it is not.
pub(crate) fn read_json<T: DeserializeOwned>(text: &str, what: &str) -> Result<T, Failure> {
    serde_json::from_str(text).map_err(|error| strange(format!("cannot read {what}: {error}")))
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
