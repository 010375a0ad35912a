//! operators

pub mod fingerprint;
pub mod mask;
pub mod skeleton;
