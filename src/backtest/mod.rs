//! The verb `backtest`: which alerts the past would have raised, far faster than time.
//!
//! ```text
//! INPUT files ──the graph's chain, once──┐
//!                                        ├──► [Past] ──spike and alert of the graph──► [Outcome] ──► report
//! the graph's store ──a copy of it───────┘       └─────those of another graph────────► [Outcome] ──► what differs
//!
//! --counts FILE.csv ──rows──► the detector alone ──► detections.csv
//! ```
//! *Promises:* the same past gives the same report, byte for byte, whatever the order of the files and the number of
//! workers (I1, I2); over the store of an engine that ran on time it gives the alerts that were live. The store is
//! only read. *Not here:* what is judged and how (`operators::replay`).

mod alarms;
mod compare;
mod counts;
mod draw;
mod graph;
mod input;
mod judges;
mod page;
mod past;
mod report;
mod rows;
mod walk;

use crate::cli::backtest::BacktestArgs;
use crate::failure::Failure;

/// The verb `backtest`.
pub fn backtest(args: &BacktestArgs) -> Result<(), Failure> {
    match args.counts() {
        Some(args) => counts::counts(&args),
        None => graph::graph(args),
    }
}
