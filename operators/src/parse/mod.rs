//! parse: raw lines become events, or rejected records with a reason. Headers and envelopes are
//! found without configuration and taken off; what they say becomes time, severity and facets.
//!
//! ```text
//! Chunk ─► lines ─► format ──► json │ logfmt │ syslog │ header │ plain ─► pieces ─► EventBatch
//!                                                     time as written ──► zone ──┘
//! ```
//! *Promises.* What a line says is a pure function of the line, the format and the receipt time; how
//! lines are cut into chunks does not matter (I1), nor do restarts (I3). Every line is blank, begins
//! a record or continues one; every record is an event or rejected. Any bytes are data: invalid
//! UTF-8 and NUL stay as they are. No allocation per plain line.
//!
//! Read it in this order: `parser` (a chunk), `run` (its lines), `line` (one line), `header`,
//! `timestamp`, `zone`, then the envelopes `json`, `logfmt`, `syslog`; then `open`, `settle` and
//! `partition` (records of several lines), `worker` and `operator` (their place in the dataflow).
//!
//! *Not here:* what goes on from a line and what does not (`assemble`), masking variables
//! (`fingerprint`).

#[cfg(test)]
mod assembly;
mod civil;
mod draft;
mod escape;
mod explain;
mod fields;
mod format;
mod found;
#[cfg(test)]
mod golden;
mod grok;
mod header;
mod json;
mod line;
mod logfmt;
mod named;
mod open;
mod operator;
mod parser;
mod partition;
mod pattern;
#[cfg(test)]
mod properties;
mod rejections;
mod run;
mod settle;
mod severity;
mod slots;
mod syslog;
mod timestamp;
mod worker;
mod zone;

pub use draft::Parsed;
pub use explain::{Explanation, explain};
pub use format::Format;
pub use found::Layout;
pub use operator::{COMPONENT, ParseOperator, ParseOptions};
pub use parser::{OPEN_BYTES_MAX, PARTITIONS_MAX, Parser};
pub use pattern::{COMPILED_BYTES_MAX, PATTERN_BYTES_MAX, Pattern, PatternError};
pub use rejections::Rejections;
pub use settle::HOLD_EPOCHS;
