//! The verbs of the command line, and how they talk to people.

pub mod mistakes;
