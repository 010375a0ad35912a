//! Tests of the `file` source on real folders, driven step by step; no thread and no wall clock.

mod follow;
mod hostile;
mod model;
mod rotation;
mod stage;
