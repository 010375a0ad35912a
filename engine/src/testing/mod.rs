//! What tests of every crate share: harnesses, conformance suites, stores that crash, seeded input.
//! Behind the feature `testing`, never in the binary.
#![allow(clippy::unwrap_used, reason = "a harness fails loudly")]

pub mod answers;
pub mod conformance;
pub mod crash_store;
mod fake_intake;
pub mod fault_proxy;
pub mod fuzz;
pub mod generate;
pub mod harness;
mod life;
pub mod postgres;
pub mod source_conformance;

pub use fake_intake::FakeIntake;
pub use life::{Ended, Life};
