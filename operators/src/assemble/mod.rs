//! assemble: which lines belong to one record. Stack traces of eight language families become one
//! event with the line that announced them; indented lines join the record they belong to; lines
//! of two records are never mixed.
//!
//! ```text
//! line, header and envelope off ──► mark (what it looks like) ──► State::step ──► goes on, or not
//!                                                                 └─ State of each open record
//! ```
//! *Promises.* Everything here is a pure function of the text of a line and a small [`State`], so a
//! record is the same whatever the chunks and epochs in which its lines arrive (I1, I3). Work is
//! linear in the bytes of a line.
//!
//! *Limits.* [`RECORD_LINES_MAX`] and [`RECORD_BYTES_MAX`] per record, [`OPEN_RECORDS_MAX`] open
//! records per partition, [`ORDINARY_RECORDS_MAX`] of them not traces, [`INTERPOSED_MAX`] records and [`GAP_SECS_MAX`] of event time between two
//! parts of one trace, [`BLANKS_MAX`] blank lines in a row, [`MESSAGE_LINES_MAX`] lines of a message
//! that only their place connects.
//!
//! *Not here:* the records themselves (`parse`), the frames' meaning (`trace`).

mod frame;
mod mark;
mod name;
mod options;
mod state;
#[cfg(test)]
mod tests;

pub use mark::{Language, Mark, mark, mark_headed};
pub use options::{Assemble, StartPattern};
pub use state::{Line, State};

/// Lines of one record; what is beyond is counted as cut.
pub const RECORD_LINES_MAX: u32 = 2048;
/// Bytes of one record of several lines, likewise.
pub const RECORD_BYTES_MAX: usize = 128 * 1024;
/// Records of one partition that may still be continued.
pub const OPEN_RECORDS_MAX: usize = 16;
/// Those of them that are ordinary records, waiting for their second line: the newest of as many
/// streams.
pub const ORDINARY_RECORDS_MAX: usize = 4;
/// Records of the same stream that may stand between two parts of one trace.
pub const INTERPOSED_MAX: u8 = 16;
/// A record this much later than an open trace of its stream closes it.
pub const GAP_SECS_MAX: i64 = 10;
/// Blank lines in a row inside a record.
pub const BLANKS_MAX: u8 = 3;
/// Lines of a message that nothing but their place connects to the first one.
pub const MESSAGE_LINES_MAX: u8 = 16;
