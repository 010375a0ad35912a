//! The one test binary of this crate.
#![allow(clippy::unwrap_used)]

mod families;
mod golden;
mod oracle;
mod patterns;
mod traces;
