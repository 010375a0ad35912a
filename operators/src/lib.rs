//! operators
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod fingerprint;
pub mod mask;
pub mod skeleton;
