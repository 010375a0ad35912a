//! Analyst: what the server may ask the operators' pure functions, without knowing them. The root
//! package wires it.

use serde_json::Value;

/// Explains what would become of a record.
pub trait Analyst: Send + Sync {
    /// Returns what is found in `record`, a line or several, and why it has the identity it has: the
    /// object that `seismolog explain -o jsonl` prints. Bounded by the length of the record.
    fn explain(&self, record: &str) -> Value;
}
