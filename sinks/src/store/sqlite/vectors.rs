//! Vectors of texts: written once each, read as a whole or one by one.

use super::{Failure, codec};
use engine::model::{KernelClass, TextId, VectorRow};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use std::collections::BTreeSet;
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
    let rows = select.query_map([], vector)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Returns the vectors of these texts, ordered by text.
pub(super) fn of(connection: &Connection, texts: &[TextId]) -> Result<Vec<VectorRow>, Failure> {
    let mut select =
        connection.prepare_cached("SELECT text, kernel, numbers FROM vectors WHERE text = ?1")?;
    let mut vectors = Vec::with_capacity(texts.len());
    for text in texts.iter().collect::<BTreeSet<_>>() {
        vectors.extend(select.query_row([codec::blob(text.0)], vector).optional()?);
    }
    Ok(vectors)
}

fn vector(row: &Row<'_>) -> rusqlite::Result<VectorRow> {
    Ok(VectorRow {
        text: TextId(codec::id(row, 0)?),
        kernel: KernelClass::from_code(row.get(1)?),
        bytes: Arc::from(row.get_ref(2)?.as_blob()?),
    })
}
