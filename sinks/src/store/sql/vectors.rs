//! Vectors of texts, read as a whole or one by one.

use super::{Failure, Row, Snapshot, codec, list};
use engine::model::{KernelClass, TextId, VectorRow};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Returns every vector, ordered by text.
pub(crate) fn all(snapshot: &dyn Snapshot) -> Result<Vec<VectorRow>, Failure> {
    list(snapshot, "SELECT text, kernel, numbers FROM vectors ORDER BY text", &[], vector)
}

/// Returns the vectors of these texts, ordered by text.
pub(super) fn of(snapshot: &dyn Snapshot, texts: &[TextId]) -> Result<Vec<VectorRow>, Failure> {
    let texts: BTreeSet<_> = texts.iter().collect();
    let keys: Vec<_> = texts.into_iter().map(|text| codec::blob(text.0)).collect();
    let sql = "SELECT text, kernel, numbers FROM vectors WHERE text = ?1";
    let mut vectors = Vec::with_capacity(keys.len());
    snapshot.each_of(sql, &keys, &mut |_, row| {
        vectors.push(vector(row)?);
        Ok(())
    })?;
    Ok(vectors)
}

fn vector(row: &dyn Row) -> Result<VectorRow, Failure> {
    Ok(VectorRow {
        text: TextId(codec::id(row, 0)?),
        kernel: KernelClass::from_code(row.small(1)?),
        bytes: Arc::from(row.blob(2)?),
    })
}
