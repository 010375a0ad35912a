//! The one test binary of this crate.
#![allow(clippy::unwrap_used)]

mod families;
mod fuzz;
mod golden;
mod oracle;
mod patterns;
mod traces;
