//! What tests of every crate share: harnesses, conformance suites, stores that crash, seeded input.
//! Behind the feature `testing`.
#![allow(clippy::unwrap_used, reason = "a harness fails loudly")]

mod fake_intake;
pub mod harness;

pub use fake_intake::FakeIntake;
