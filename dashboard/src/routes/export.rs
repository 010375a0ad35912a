//! Export: everything counted, one JSON object a line, in memory that does not grow with it.
//!
//! *State and limits:* pieces of [`PIECE_BYTES`] wait for the client in a channel of
//! `Context::EXPORT_PIECES_MAX`; a full channel stops the reading thread, a client that is gone
//! ends it. A failure after the first piece breaks the connection, so that half an export is never
//! taken for a whole one.

use crate::context::Call;
use crate::problem::Problem;
use crate::reply::{Piece, Response, stream};
use crate::wire::ExportLine;
use bytes::Bytes;
use engine::component::{CountRow, ReadStore, StoreError};
use http::StatusCode;
use tokio::sync::mpsc;

/// Size at which a piece is handed over.
const PIECE_BYTES: usize = 64 * 1024;

/// `GET /api/v1/export/counts`
pub(crate) async fn counts(call: Call) -> Result<Response, Problem> {
    call.query(&[])?;
    let mut pieces = call.context.export(write)?;
    // A store that fails at once is an error, and not a short body.
    let first = match pieces.recv().await {
        Some(Err(broken)) => {
            return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, broken.to_string()));
        }
        first => first,
    };
    Ok(stream("application/x-ndjson", first, pieces))
}

/// Reads all rows and hands them over; runs on a thread that may block.
fn write(store: &dyn ReadStore, pieces: &mpsc::Sender<Piece>) -> Result<(), StoreError> {
    let mut piece = Vec::with_capacity(PIECE_BYTES + PIECE_BYTES / 4);
    let mut failed = None;
    store.export_counts(&mut |row: CountRow| {
        if let Err(cause) = serde_json::to_writer(&mut piece, &ExportLine::from(row)) {
            failed = Some(cause);
            return false;
        }
        piece.push(b'\n');
        piece.len() < PIECE_BYTES || hand_over(&mut piece, pieces)
    })?;
    if let Some(cause) = failed {
        let what = "a row could not be written as JSON".to_owned();
        return Err(StoreError::Damaged { what, cause: Some(Box::new(cause)) });
    }
    if !piece.is_empty() {
        hand_over(&mut piece, pieces);
    }
    Ok(())
}

/// Returns whether somebody still takes the pieces.
fn hand_over(piece: &mut Vec<u8>, pieces: &mpsc::Sender<Piece>) -> bool {
    pieces.blocking_send(Ok(Bytes::from(std::mem::take(piece)))).is_ok()
}
