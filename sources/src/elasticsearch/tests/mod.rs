//! The `elasticsearch` source against a fake cluster, labelled as such, and against exchanges in the
//! shape of real answers.

mod exchanges;
mod fake;
mod limits;
mod model;
mod query;
mod reads;
mod stage;
