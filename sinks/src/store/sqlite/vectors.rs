//! Vectors of texts: written once each, read as a whole.

use super::{Failure, codec};
use engine::model::{KernelClass, TextId, VectorRow};
use rusqlite::{Connection, Transaction, params};
use std::sync::Arc;

/// Inserts or replaces vectors.
pub(super) fn write(transaction: &Transaction<'_>, rows: &[VectorRow]) -> Result<(), Failure> {
    let mut insert = transaction.prepare_cached(
        "INSERT OR REPLACE INTO vectors (text, kernel, numbers) VALUES (?1, ?2, ?3)",
    )?;
    for row in rows {
        insert.execute(params![codec::blob(row.text.0), row.kernel.code(), &row.bytes[..]])?;
    }
    Ok(())
}

/// Returns every vector, ordered by text.
pub(super) fn all(connection: &Connection) -> Result<Vec<VectorRow>, Failure> {
    let mut select =
        connection.prepare_cached("SELECT text, kernel, numbers FROM vectors ORDER BY text")?;
    let rows = select.query_map([], |row| {
        Ok(VectorRow {
            text: TextId(codec::id(row, 0)?),
            kernel: KernelClass::from_code(row.get(1)?),
            bytes: Arc::from(row.get::<_, Vec<u8>>(2)?),
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
