//! Stack traces: reads them, in the forms that the run times of eight languages print them, and
//! says which failure they are of, whatever their line numbers, addresses, generated names, paths
//! of deployment and words of the message.
//!
//! ```text
//! message, trace ──lines──► one reader per language ──► Trace: causes, root first, with frames
//!                                                         │ origin: ours, a library, the language's
//!                              explain ◄──ladder──────────┘
//!                                           └──► Identity: skeleton (for ever), text (shown)
//! ```
//! *Promises:* a pure function of the bytes, the rules and the algorithm's version (I1, I2, I3).
//! Whatever the bytes are, nothing panics, and time is linear in them.
//! *State and limits:* none; [`TRACE_BYTES_MAX`], [`CAUSES_MAX`], [`FRAMES_MAX`],
//! [`NAME_BYTES_MAX`] and [`FUNCTIONS_MAX`] bound what one trace may bring.
//! *Not here:* which lines belong together (`assemble`), messages without a trace (`skeleton`).

mod codes;
mod dotnet;
mod explain;
mod go;
mod head;
mod javascript;
mod jvm;
mod ladder;
mod lines;
mod model;
mod origin;
mod path;
mod php;
mod python;
mod python_group;
mod read;
mod ruby;
mod rust;
mod rust_name;

pub use explain::{ExplainedCause, ExplainedFrame, ExplainedTrace, explain};
pub(crate) use head::names_exception;
pub use ladder::{FUNCTIONS_MAX, Identity, LIBRARY_MARK, Rung, TRACE_MARKER, identity};
pub use model::{CAUSES_MAX, FRAMES_MAX, Language, NAME_BYTES_MAX, Origin, TRACE_BYTES_MAX};
pub use origin::FrameRules;

#[cfg(test)]
mod tests;
