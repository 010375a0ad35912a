//! The `postgres` source: reads the rows of a table, or of a query, as they come.
//!
//! ```text
//! server ─► session ─► sql ─► reading ─► one JSON line per row
//!                               │ position: which rows were read, as the Offset
//!                               │ marks: up to where nothing can come any more
//! ```
//! *Promises:* a row is delivered exactly once, in whatever order transactions commit, over restarts
//! and crashes of either side (I3), provided that its key is drawn not longer than `overlap` before its
//! transaction's first write and grows. A sequence with a `CACHE` for each session hands out keys that
//! do not grow; neither do keys that programs choose. A row that is updated is not read again, unless
//! its key changes to one that was not read; one that is updated before it was read is read as it is
//! then. Rows without a key are not read, and rows with a time from the future (`timestamptz`) only when
//! it has come. The server must be version 13 or later; a standby will do.
//!
//! *Offset:* one partition, `rows`; a JSON object `{floor, high, taken}`, see `position`.
//!
//! *State and limits:* a page of at most 8 MiB and one row; 50,000 ranges or hashes of keys; a poll keeps
//! to its budget of time and requests; every wait for the server ends after 12 seconds.
//!
//! *Not here:* what the columns of a row mean; that is for `parse`.

mod check;
mod config;
mod failure;
mod marks;
mod position;
mod reading;
mod session;
mod sql;
#[cfg(test)]
mod tests;
mod tls;

pub use config::{ColumnOptions, KeyColumns, PostgresOptions, TlsMode};

use config::Config;
use engine::component::{
    Build, Built, ComponentType, Intake, Options, OptionsError, Source, SourceError, Stopped,
    StreamKind,
};
use failure::Failure;
use reading::Reading;
use session::Session;

/// The registry's entry.
pub const COMPONENT: ComponentType = ComponentType {
    name: "postgres",
    summary: "Reads the rows of a Postgres table or query as they come; exactly once.",
    inputs: &[],
    output: Some(StreamKind::Lines),
    schema: || schemars::schema_for!(PostgresOptions),
    build: Build::Source(build),
};

fn build(options: &Options) -> Built<dyn Source> {
    Ok(Box::new(PostgresSource::new(options)?))
}

/// A configured `postgres` source.
#[derive(Debug)]
pub struct PostgresSource {
    config: Config,
}

impl PostgresSource {
    /// Checks the options; asks nothing of the server.
    pub fn new(options: &Options) -> Result<Self, Vec<OptionsError>> {
        Ok(Self { config: Config::from_options(options)? })
    }

    fn poll_for_ever(&self, intake: &mut dyn Intake) -> Result<(), Failure> {
        let session = Session::open(&self.config.target, &|| intake.stopped())?;
        let mut reading = Reading::begin(&self.config, session, intake)?;
        intake.catching_up(true);
        loop {
            reading.poll(intake)?;
            intake.wait(self.config.poll_interval).map_err(|_stopped| Failure::Stopped)?;
        }
    }
}

impl Source for PostgresSource {
    fn run(&self, intake: &mut dyn Intake) -> Result<(), SourceError> {
        match self.poll_for_ever(intake) {
            Ok(()) => Ok(()),
            Err(Failure::Stopped) => Err(Stopped.into()),
            Err(failure) => {
                if failure.needs_a_person() {
                    let sentence = failure.sentence(&self.config.what);
                    crate::poll::Health::default().report(intake, Some(sentence));
                }
                Err(failure.into_error(&self.config.what))
            }
        }
    }

    fn check(&self) -> Result<String, SourceError> {
        check::check(&self.config).map_err(|failure| failure.into_error(&self.config.what))
    }
}
