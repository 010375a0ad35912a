//! Counts per fingerprint and bucket of event time; late events are ordinary differences.
//!
//! *Picture:* prints ──fold per epoch──► `((fingerprint, bucket), epoch, +n)`: the count is the
//! difference. *Promises:* I1, I2 (a sum does not know order or place), I6. A late event is one more
//! difference to its bucket, so nothing is ever wrong for good. *Frontier:* holds each epoch until
//! its input is complete, then lets go. *State and limits:* one map per open epoch, bounded by what
//! the reader drains in one; [`retained`] bounds what later stages keep. *Not here:* when a bucket is
//! judged (`spike`).

use engine::component::{
    Build, ComponentType, NodeIdentity, Operator, Options, OptionsError, Port, Ports, Stage,
    StreamKind,
};
use engine::dataflow::{
    AsCollection, Collection, DataflowTime, Exchange, GenericOperator, Pipeline, Stream,
};
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
    /// Length of a bucket in seconds; must divide a day.
    pub size_secs: u32,
}

impl Default for WindowConfig {
    fn default() -> Self {
        Self { size_secs: 60 }
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
        let size = BucketSize::new(config.size_secs).ok_or_else(|| {
            let message = format!("{} seconds do not divide a day", config.size_secs);
            vec![OptionsError::at("size_secs", message).hint("use 10, 60, 300, 3600 …")]
        })?;
        Ok(Self { size })
    }
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

    fn identity(&self) -> NodeIdentity {
        NodeIdentity {
            node: String::new(),
            component: COMPONENT.name.to_owned(),
            version: 1,
            options: [("size_secs".to_owned(), self.size.secs().to_string())].into(),
        }
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
                            *counts.entry((print.fingerprint, size.of(print.time))).or_insert(0) += 1;
                        }
                    }
                });
                while let Some((&epoch, _)) = open.first_key_value()
                    && !frontier.less_equal(&epoch)
                {
                    if let Some((capability, counts)) = open.remove(&epoch) {
                        let updates = counts.into_iter().map(|(key, n)| (key, epoch, n));
                        output.session(&capability).give_iterator(updates);
                    }
                }
            }
        })
        .as_collection()
}

/// Bounds what later stages keep: each fingerprint's buckets from its newest one back to `keep_secs`
/// before it. Older ones are retracted, and ignored when they still arrive.
///
/// What is retained is a function of the *set* of events (the newest bucket of a fingerprint does not
/// depend on order), so expiry keeps I1 and I2. The retraction never reaches the store: it reads the
/// counts before this.
///
/// *Frontier:* holds each epoch until its input is complete. *State:* the retained buckets.
pub fn retained<'s>(
    counts: Collection<'s, (Fingerprint, Bucket)>,
    keep_secs: i64,
) -> Collection<'s, (Fingerprint, Bucket)> {
    let by_fingerprint = Exchange::new(|((fingerprint, _), _, _): &((Fingerprint, Bucket), DataflowTime, isize)| {
        fingerprint.0 as u64
    });
    counts
        .inner
        .unary_frontier(by_fingerprint, "expiry", move |_capability, _info| {
            let mut waiting: BTreeMap<DataflowTime, _> = BTreeMap::new();
            let mut kept: HashMap<Fingerprint, BTreeMap<Bucket, isize>> = HashMap::new();
            move |(input, frontier), output| {
                input.for_each(|time, updates: &mut Vec<_>| {
                    for (key, epoch, n) in updates.drain(..) {
                        let (_, rows) = waiting.entry(epoch).or_insert_with(|| {
                            (time.delayed(&epoch, 0), Vec::<((Fingerprint, Bucket), isize)>::new())
                        });
                        rows.push((key, n));
                    }
                });
                while let Some((&epoch, _)) = waiting.first_key_value()
                    && !frontier.less_equal(&epoch)
                {
                    if let Some((capability, rows)) = waiting.remove(&epoch) {
                        let mut session = output.session(&capability);
                        for (key, n) in rows {
                            let buckets = kept.entry(key.0).or_default();
                            admit(buckets, key.1, n, keep_secs, |bucket, change| {
                                session.give(((key.0, bucket), epoch, change));
                            });
                        }
                    }
                }
            }
        })
        .as_collection()
}

/// Adds `n` to one bucket of a series and calls `emit` for every change to what is retained.
fn admit(
    buckets: &mut BTreeMap<Bucket, isize>,
    bucket: Bucket,
    n: isize,
    keep_secs: i64,
    mut emit: impl FnMut(Bucket, isize),
) {
    let newest = buckets.last_key_value().map_or(bucket, |(&newest, _)| newest.max(bucket));
    let oldest = Bucket(newest.0 - keep_secs);
    if bucket < oldest {
        return;
    }
    *buckets.entry(bucket).or_insert(0) += n;
    emit(bucket, n);
    while let Some((&expired, _)) = buckets.first_key_value()
        && expired < oldest
    {
        if let Some(count) = buckets.remove(&expired) {
            emit(expired, -count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns what is retained after `arrivals`, and checks that the emitted changes say the same.
    fn retain(arrivals: &[(i64, isize)], keep_secs: i64) -> BTreeMap<Bucket, isize> {
        let mut buckets = BTreeMap::new();
        let mut emitted: BTreeMap<Bucket, isize> = BTreeMap::new();
        for &(bucket, n) in arrivals {
            admit(&mut buckets, Bucket(bucket), n, keep_secs, |bucket, change| {
                *emitted.entry(bucket).or_insert(0) += change;
            });
        }
        emitted.retain(|_, n| *n != 0);
        assert_eq!(emitted, buckets);
        buckets
    }

    #[test]
    fn what_is_retained_does_not_depend_on_the_order_of_arrival() {
        let forward = retain(&[(0, 1), (60, 2), (120, 3), (600, 4)], 480);
        let backward = retain(&[(600, 4), (120, 3), (60, 2), (0, 1)], 480);
        assert_eq!(forward, backward);
        assert_eq!(forward.keys().copied().collect::<Vec<_>>(), [Bucket(120), Bucket(600)]);
    }

    #[test]
    fn limit_a_series_never_keeps_more_than_its_history() {
        let arrivals: Vec<_> = (0..10_000).map(|n| (n * 60, 1)).collect();
        assert_eq!(retain(&arrivals, 600).len(), 11);
    }
}
