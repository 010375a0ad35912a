//! The one test binary of this crate.
#![allow(clippy::unwrap_used)]

mod assembly;
mod golden;
mod oracle;
mod traces;
