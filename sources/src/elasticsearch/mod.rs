//! The `elasticsearch` source: reads the documents of Elasticsearch and OpenSearch as they come.
//!
//! ```text
//! cluster ─► client ─► search ─► reading ─► document ─► one JSON line per document
//!                                  │ position: what was read, as the Offset
//! ```
//! *Promises:* a document is delivered exactly once if it becomes visible to searches while its time
//! is less than `overlap` behind that of the newest visible document; restarts, repeated pages and
//! expired points in time change nothing (I3). A document that changes is not read again while it is
//! within the overlap, nor later unless its time changes. Documents without a time are not read, and
//! documents from the future only when their time has come.
//!
//! *Offset:* one partition, `documents`; a JSON object `{time, after, at, seen}`, see `position`.
//!
//! *State and limits:* a page of at most 16 MiB; the ids of 50,000 documents as 8 bytes of a hash; a
//! poll keeps to its budget of time and requests.
//!
//! *Not here:* what the fields of a document mean; that is for `parse`.

mod check;
mod client;
mod config;
mod document;
mod failure;
mod position;
mod reading;
mod search;
mod snapshot;
#[cfg(test)]
mod tests;

pub use config::{ElasticsearchOptions, FieldOptions, Urls};

use client::Client;
use config::Config;
use engine::component::{
    Build, Built, ComponentType, Intake, Options, Source, SourceError, Stopped, StreamKind,
};
use failure::Failure;
use reading::Reading;

/// The registry's entry.
pub const COMPONENT: ComponentType = ComponentType {
    name: "elasticsearch",
    summary: "Reads the documents of Elasticsearch or OpenSearch indices as they come; exactly once.",
    inputs: &[],
    output: Some(StreamKind::Lines),
    schema: || schemars::schema_for!(ElasticsearchOptions),
    build: Build::Source(build),
};

fn build(options: &Options) -> Built<dyn Source> {
    Ok(Box::new(ElasticsearchSource::new(options)?))
}

/// A configured `elasticsearch` source.
#[derive(Debug)]
pub struct ElasticsearchSource {
    config: Config,
    #[cfg(test)]
    answer_max: usize,
}

impl ElasticsearchSource {
    /// Checks the options; asks nothing of the cluster.
    pub fn new(options: &Options) -> Result<Self, Vec<engine::component::OptionsError>> {
        Ok(Self {
            config: Config::from_options(options)?,
            #[cfg(test)]
            answer_max: client::ANSWER_BYTES_MAX,
        })
    }

    fn client(&self) -> Result<Client, SourceError> {
        let client = Client::open(&self.config)?;
        #[cfg(test)]
        let client = client.with_answer_max(self.answer_max);
        Ok(client)
    }

    fn poll_for_ever(&self, client: Client, intake: &mut dyn Intake) -> Result<(), Failure> {
        let mut reading = Reading::begin(&self.config, client, intake)?;
        intake.catching_up(true);
        loop {
            reading.poll(intake)?;
            intake.wait(self.config.poll_interval).map_err(|_stopped| Failure::Stopped)?;
        }
    }
}

impl Source for ElasticsearchSource {
    fn run(&self, intake: &mut dyn Intake) -> Result<(), SourceError> {
        let client = self.client()?;
        match self.poll_for_ever(client, intake) {
            Ok(()) => Ok(()),
            Err(Failure::Stopped) => Err(Stopped.into()),
            Err(failure) => {
                if failure.needs_a_person() {
                    let sentence = failure.sentence(&self.config.index);
                    crate::poll::Health::default().report(intake, Some(sentence));
                }
                Err(failure.into_error(&self.config.index))
            }
        }
    }
    fn check(&self) -> Result<String, SourceError> {
        let mut client = self.client()?;
        check::check(&self.config, &mut client)
            .map_err(|failure| failure.into_error(&self.config.index))
    }
}
