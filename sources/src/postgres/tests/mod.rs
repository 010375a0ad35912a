//! The `postgres` source against real servers, versions 16 and 18.

mod faults;
mod model;
mod reads;
mod stage;
