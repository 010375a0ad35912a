//! The error types that leave this crate, in one place, and how they are told.

pub use crate::component::{OptionsError, SourceError, StoreError};
pub use crate::runtime::EngineError;

/// Returns an error with its causes as one sentence.
pub fn sentence(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
