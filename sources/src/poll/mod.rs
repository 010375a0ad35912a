//! What sources share that ask a server again and again: what a poll may use, where to begin, secrets
//! that never print, calls that a stop interrupts, and rows written as lines.
//!
//! *Not here:* when to poll and what to ask; that is each source's own.

mod apart;
mod base64;
mod budget;
mod health;
mod line;
#[cfg(test)]
mod scripted;
mod secret;
mod start;

pub use apart::apart;
pub use base64::{from_base64, to_base64};
pub use budget::{Budget, PollBudget};
pub use health::Health;
pub use line::{Members, append_line, shortened};
#[cfg(test)]
pub use scripted::Scripted;
pub use secret::{Secret, read_file};
pub use start::Start;

/// Returns a value as JSON; for what cannot fail, such as text and numbers.
pub fn json_text(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}
