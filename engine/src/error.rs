//! The error types that leave this crate, in one place.

pub use crate::component::{OptionsError, SourceError, StoreError};
pub use crate::runtime::EngineError;
