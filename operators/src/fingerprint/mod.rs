//! fingerprint: gives every event its stable identity, and tells once per epoch what was learned
//! about each fingerprint.
//!
//! ```text
//!                 ┌──► prints      at once: (fingerprint, time) per event
//! EventBatch ──►──┼──► sightings   when the epoch is complete: one per fingerprint, without samples
//!                 └──► facts       the same with samples, and how many events overflowed
//! ```
//! *Promises:* an id is a pure function of service, severity class and message or trace; a sighting is a
//! merge of minima, maxima and smallest hashes, so that order, chunks, workers and replays do not
//! matter (I1, I2, I3), as long as no source exceeds `max_fingerprints`; beyond, totals hold.
//! *Frontier:* prints leave at their batch's epoch. For sightings and facts one capability per
//! epoch is held until the input can bring nothing more for it.
//! *State and limits:* per worker and source `max_fingerprints` profiles (`fold`), the lookup
//! (`identify`), the samples' thresholds (`samples`). Nothing is durable: after a restart the
//! known fingerprints come back from the store, and everything else is learned again. Options that
//! decide about identity (`in_app`, `not_in_app`, `rules`) may change between two runs: events that
//! come later get other ids, and the old ids stay with their history.
//! *Not here:* what is a variable (`mask`), what identity is made of (`skeleton`, `trace`), what users
//! want otherwise (`rules`).

mod crowd;
mod explain;
mod fold;
mod identify;
mod options;
mod parts;
mod samples;

pub use explain::{Explained, ExplainedMask, ExplainedRule, explain, explain_event, explain_parts};
pub use options::{FingerprintOptions, IdentityRules};
pub use parts::EventParts;

use engine::component::{
    Build, ComponentType, NodeIdentity, Operator, Options, OptionsError, Port, Ports, Stage,
    StreamKind,
};
use engine::dataflow::{Capability, DataflowTime, OperatorBuilder, Output, Pipeline};
use engine::model::{EventBatch, FINGERPRINT_VERSION, Fact, Print, PrintBatch, Sighting};
use fold::Fold;
use identify::{Identifier, Identity};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The entry of the registry.
pub const COMPONENT: ComponentType = ComponentType {
    name: "fingerprint",
    summary: "Gives every event the stable identity of its message.",
    inputs: &[(StreamKind::Events, true)],
    output: Some(StreamKind::Prints),
    schema: || schemars::schema_for!(FingerprintOptions),
    build: Build::Operator(build),
};

/// A configured `fingerprint`.
#[derive(Clone, Debug)]
pub struct FingerprintOperator {
    max_fingerprints: usize,
    rules: IdentityRules,
}

impl Default for FingerprintOperator {
    /// Returns the operator with the options that hold where none are given.
    fn default() -> Self {
        let max_fingerprints = FingerprintOptions::default().max_fingerprints;
        Self { max_fingerprints, rules: IdentityRules::default() }
    }
}

impl FingerprintOperator {
    /// Returns the operator with these options, or everything that is wrong with them.
    pub fn new(options: &FingerprintOptions) -> Result<Self, Vec<OptionsError>> {
        let rules = options.check()?;
        Ok(Self { max_fingerprints: options.max_fingerprints, rules })
    }
}

fn build(options: &Options) -> Result<Box<dyn Operator>, Vec<OptionsError>> {
    Ok(Box::new(FingerprintOperator::new(&options.parse()?)?))
}

impl Operator for FingerprintOperator {
    fn stage<'s>(&self, stage: &mut Stage<'_, 's>, mut inputs: Ports<'s>) -> Port<'s> {
        let source_ids = stage.sources.ids();
        let source_ids: Vec<&str> = source_ids.iter().map(String::as_str).collect();
        let known = &stage.recovered.fingerprints;
        let (max, rules) = (self.max_fingerprints, self.rules.clone());
        let mut worker = Fingerprinter::new(max, rules, &source_ids, known);

        let mut builder = OperatorBuilder::new(stage.id.to_owned(), stage.scope);
        let mut input = builder.new_input(inputs.events(), Pipeline);
        let (prints_out, prints) = builder.new_output::<Vec<PrintBatch>>();
        let (sightings_out, sightings) = builder.new_output::<Vec<Sighting>>();
        let (facts_out, facts) = builder.new_output::<Vec<Fact>>();
        let mut prints_out = Output::from(prints_out);
        let mut sightings_out = Output::from(sightings_out);
        let mut facts_out = Output::from(facts_out);
        builder.build(move |capabilities| {
            // Capabilities are taken from the input, epoch by epoch.
            drop(capabilities);
            let mut held: BTreeMap<DataflowTime, [Capability<DataflowTime>; 2]> = BTreeMap::new();
            move |frontiers| {
                let mut prints_out = prints_out.activate();
                input.for_each(|capability, batches| {
                    let epoch = *capability.time();
                    held.entry(epoch)
                        .or_insert_with(|| [capability.retain(1), capability.retain(2)]);
                    let printed = batches.drain(..).map(|batch| worker.batch(epoch, &batch));
                    prints_out.session(&capability).give_iterator(printed);
                });
                let mut sightings_out = sightings_out.activate();
                let mut facts_out = facts_out.activate();
                while let Some(entry) = held.first_entry() {
                    if frontiers[0].less_equal(entry.key()) {
                        break;
                    }
                    let (epoch, [for_sightings, for_facts]) = entry.remove_entry();
                    let learned = worker.complete(epoch);
                    let bare = learned.sightings.iter().map(without_samples);
                    sightings_out.session(&for_sightings).give_iterator(bare);
                    let mut session = facts_out.session(&for_facts);
                    session.give_iterator(learned.accounts.into_iter().map(Fact::Account));
                    let sightings = learned.sightings.into_iter();
                    session.give_iterator(sightings.map(|one| Fact::Sighting(Box::new(one))));
                }
            }
        });
        stage.commit(facts);
        Port::Prints { prints, sightings }
    }

    fn identity(&self) -> Option<NodeIdentity> {
        Some(NodeIdentity {
            node: String::new(),
            component: COMPONENT.name.to_owned(),
            version: u32::from(FINGERPRINT_VERSION),
            options: BTreeMap::new(),
        })
    }
}

/// Returns a copy for the stages that follow, which need identities and not records.
fn without_samples(sighting: &Sighting) -> Sighting {
    Sighting {
        service: Arc::clone(&sighting.service),
        skeleton: Arc::clone(&sighting.skeleton),
        text: Arc::clone(&sighting.text),
        samples: Vec::new(),
        ..*sighting
    }
}

/// What one worker does, free of the dataflow.
struct Fingerprinter {
    identifier: Identifier,
    fold: Fold,
    /// Of the batch in hand: what to look up, and what was found.
    hashes: Vec<u128>,
    identities: Vec<Identity>,
}

impl Fingerprinter {
    fn new(
        max: usize,
        rules: IdentityRules,
        source_ids: &[&str],
        known: &[engine::component::KnownFingerprint],
    ) -> Self {
        Self {
            identifier: Identifier::new(max, rules, source_ids, known),
            fold: Fold::default(),
            hashes: Vec::new(),
            identities: Vec::new(),
        }
    }

    /// Returns the prints of `batch` and remembers what it says about its fingerprints.
    ///
    /// One step for all events, then the next: a lookup that misses the cache then waits together
    /// with those of the events behind it, instead of one after the other (a tenth of the
    /// pipeline's CPU).
    fn batch(&mut self, epoch: DataflowTime, batch: &EventBatch) -> PrintBatch {
        let contexts = self.identifier.contexts(batch);
        self.hashes.clear();
        let hashes = batch.events.iter().map(|e| self.identifier.hash(&contexts, batch, e));
        self.hashes.extend(hashes);
        self.identities.clear();
        for (event, hash) in batch.events.iter().zip(&self.hashes) {
            self.identities.push(self.identifier.identity(*hash, batch, event));
        }
        let prints = batch.events.iter().zip(&self.identities).map(|(event, identity)| Print {
            fingerprint: self.identifier.fingerprint(*identity),
            time: event.time,
            change: event.change,
        });
        let prints = prints.collect();
        self.fold.observe(epoch, batch, &self.identities, &self.identifier);
        PrintBatch { prints }
    }

    /// Returns what was learned in an epoch that is complete.
    fn complete(&mut self, epoch: DataflowTime) -> fold::Learned {
        self.fold.complete(epoch, &self.identifier)
    }
}

#[cfg(test)]
mod rule_tests;
#[cfg(test)]
mod tests;
