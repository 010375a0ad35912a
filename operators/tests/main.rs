//! The one test binary of this crate.
#![allow(clippy::unwrap_used)]

mod alerts;
mod assembly;
mod clusters;
mod families;
mod fuzz;
mod golden;
mod identity;
mod meaning;
mod oracle;
mod patterns;
mod search;
mod traces;
