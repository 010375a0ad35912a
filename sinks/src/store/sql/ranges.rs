//! Adding up counts of ranges by fingerprint.

use super::{Failure, Snapshot};
use crate::store::slices::{Piece, Range};
use engine::model::Bucket;

/// Something per fingerprint, by row number: row numbers are small and dense.
#[derive(Default)]
pub(super) struct ByRow<T>(Vec<T>);

impl<T: Copy + Default> ByRow<T> {
    /// Returns what is known of a row.
    pub(super) fn get(&self, id: i64) -> T {
        usize::try_from(id).ok().and_then(|id| self.0.get(id)).copied().unwrap_or_default()
    }

    /// Returns what is known of a row, to change it; rows below 1 do not exist.
    pub(super) fn entry(&mut self, id: i64) -> &mut T {
        let id = usize::try_from(id).unwrap_or(0);
        if id >= self.0.len() {
            self.0.resize(id + 1, T::default());
        }
        &mut self.0[id]
    }
}

/// Calls `each` with row number, bucket and events of everything stored in the pieces for the
/// fingerprints that are `wanted`.
pub(super) fn each_count(
    snapshot: &dyn Snapshot,
    pieces: &[Piece],
    wanted: impl Fn(i64) -> bool,
    mut each: impl FnMut(i64, Bucket, i64),
) -> Result<(), Failure> {
    for piece in pieces {
        let (table, range) = match *piece {
            Piece::Minutes(range) => ("minutes", range),
            Piece::Hours(range) => ("hours", range),
        };
        let sql = format!(
            "SELECT fingerprint_id, bucket_start, n FROM {table} \
             WHERE bucket_start >= ?1 AND bucket_start < ?2"
        );
        let Range { start, end } = range;
        snapshot.stream(&sql, &[start.into(), end.into()], &mut |row| {
            let id = row.integer(0)?;
            if wanted(id) {
                each(id, Bucket(row.integer(1)?), row.integer(2)?);
            }
            Ok(true)
        })?;
    }
    Ok(())
}
