//! What tests of every crate share; behind the feature `testing`, never in the binary.

pub mod answers;
pub mod conformance;
pub mod crash_store;
pub mod generate;
