//! operators

pub mod mask;
pub mod skeleton;
