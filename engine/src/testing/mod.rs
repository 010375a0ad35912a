//! What tests of every crate share: harnesses, conformance suites, stores that crash, seeded input.
//! Behind the feature `testing`.

pub mod harness;
