//! Counts per fingerprint and bucket of event time; late events are ordinary differences.
//!
//! *Picture:* prints ──fold per epoch──► `((fingerprint, bucket), epoch, +n)`: the count is the
//! difference. *Promises:* I1, I2 (a sum does not know order or place), I6. A late event is one more
//! difference to its bucket, so nothing is ever wrong for good. *Frontier:* holds each epoch until
//! its input is complete, then lets go. *State and limits:* one map per open epoch, bounded by what
//! the reader drains in one. *Not here:* how long later stages keep counts (`expiry`), when a bucket
//! is judged (`spike`).

use engine::component::{
    Build, ComponentType, HumanDuration, NodeIdentity, Operator, Options, OptionsError, Port,
    Ports, Stage, StreamKind,
};
use engine::dataflow::{AsCollection, Collection, DataflowTime, GenericOperator, Pipeline, Stream};
use engine::model::{Bucket, BucketSize, Fingerprint, PrintBatch};
use foldhash::{HashMap, HashMapExt};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The component type `window`.
pub const COMPONENT: ComponentType = ComponentType {
    name: "window",
    summary: "Counts events per fingerprint and minute of event time.",
    inputs: &[(StreamKind::Prints, true)],
    output: Some(StreamKind::Counts),
    schema: || schemars::schema_for!(WindowConfig),
    build: Build::Operator(|options| Ok(Box::new(Window::from_options(options)?))),
};

/// Options of `window`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WindowConfig {
    /// Length of a bucket; must divide a day.
    pub size: HumanDuration,
    /// How late an event may arrive and still change what is said about its bucket. Counts are
    /// corrected however late it is. At most half a day, which is what `alert` follows.
    pub lateness: HumanDuration,
}

impl WindowConfig {
    /// The longest lateness that later stages honour.
    pub const LATENESS_MAX: HumanDuration = HumanDuration::from_secs(12 * 3600);
}

impl Default for WindowConfig {
    fn default() -> Self {
        Self { size: HumanDuration::from_secs(60), lateness: HumanDuration::from_secs(600) }
    }
}

/// The configured operator.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    size: BucketSize,
}

impl Window {
    /// Returns an operator that counts in buckets of `size`.
    pub fn new(size: BucketSize) -> Self {
        Self { size }
    }

    fn from_options(options: &Options) -> Result<Self, Vec<OptionsError>> {
        let config: WindowConfig = options.parse()?;
        let mut mistakes = Vec::new();
        let size = bucket_size("size", config.size).unwrap_or_else(|mistake| {
            mistakes.push(mistake);
            BucketSize::MINUTE
        });
        if config.lateness > WindowConfig::LATENESS_MAX {
            mistakes.push(OptionsError::at("lateness", "must be at most 12h"));
        }
        if mistakes.is_empty() { Ok(Self { size }) } else { Err(mistakes) }
    }
}

/// Returns a duration as the length of buckets, or what is wrong with it.
pub(crate) fn bucket_size(option: &str, length: HumanDuration) -> Result<BucketSize, OptionsError> {
    let whole = length.0.subsec_nanos() == 0;
    u32::try_from(length.as_secs()).ok().filter(|_| whole).and_then(BucketSize::new).ok_or_else(
        || {
            let message = format!("a day cannot be cut into buckets of `{length}`");
            OptionsError::at(option, message).hint("use 10s, 1m, 5m, 1h …")
        },
    )
}

impl Operator for Window {
    fn stage<'s>(&self, stage: &mut Stage<'_, 's>, mut inputs: Ports<'s>) -> Port<'s> {
        let (prints, _sightings) = inputs.prints();
        let recovered = stage.at_start(|recovered| {
            let rows = recovered.counts.iter();
            rows.map(|&(fingerprint, bucket, n)| ((fingerprint, bucket), n as isize)).collect()
        });
        Port::Counts(counted(prints, self.size).concat(recovered))
    }

    fn identity(&self) -> Option<NodeIdentity> {
        Some(NodeIdentity {
            node: String::new(),
            component: COMPONENT.name.to_owned(),
            version: 1,
            options: [("size".to_owned(), format!("{}s", self.size.secs()))].into(),
        })
    }
}

/// Folds prints into one difference per epoch, fingerprint and bucket.
fn counted<'s>(
    prints: Stream<'s, PrintBatch>,
    size: BucketSize,
) -> Collection<'s, (Fingerprint, Bucket)> {
    prints
        .unary_frontier(Pipeline, "window", |_capability, _info| {
            let mut open: BTreeMap<DataflowTime, _> = BTreeMap::new();
            move |(input, frontier), output| {
                input.for_each(|time, batches: &mut Vec<PrintBatch>| {
                    let (_, counts) = open
                        .entry(*time.time())
                        .or_insert_with(|| (time.retain(0), HashMap::<_, isize>::new()));
                    for batch in batches.drain(..) {
                        for print in batch.prints {
                            let key = (print.fingerprint, size.of(print.time));
                            *counts.entry(key).or_insert(0) += isize::from(print.change);
                        }
                    }
                });
                while let Some((&epoch, _)) = open.first_key_value()
                    && !frontier.less_equal(&epoch)
                {
                    if let Some((capability, counts)) = open.remove(&epoch) {
                        let changed = counts.into_iter().filter(|(_, n)| *n != 0);
                        let updates = changed.map(|(key, n)| (key, epoch, n));
                        output.session(&capability).give_iterator(updates);
                    }
                }
            }
        })
        .as_collection()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limit_lateness_is_at_most_so_long() {
        let built = |lateness: u64| {
            let value = serde_json::json!({ "lateness": format!("{lateness}s") });
            Window::from_options(&Options { id: "counts".to_owned(), value, base: "/".into() })
        };
        assert!(built(WindowConfig::LATENESS_MAX.as_secs()).is_ok());
        assert!(built(WindowConfig::LATENESS_MAX.as_secs() + 1).is_err());
    }
}
