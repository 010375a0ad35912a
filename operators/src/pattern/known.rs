//! What grouping knows of each fingerprint, from sightings: a worker passes on a fingerprint when it
//! sees it first, and what changed of it since: it is seen with a higher severity, or earlier.
//!
//! *State and limits:* one entry per fingerprint, in the map and in the collection; bounded by the
//! fingerprint stage's `max_fingerprints`.

use engine::component::KnownFingerprint;
use engine::dataflow::{AsCollection, Collection, GenericOperator, Pipeline, Stream};
use engine::model::{Candidate, EventTime, Fingerprint, Severity, Sighting};
use foldhash::{HashMap, HashMapExt};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A fingerprint as one worker knows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) struct Known {
    pub(super) candidate: Candidate,
    pub(super) skeleton: Arc<str>,
}

impl Known {
    /// Returns what the store knows of a fingerprint.
    pub(super) fn recovered(stored: &KnownFingerprint) -> Known {
        Known {
            candidate: Candidate {
                fingerprint: stored.fingerprint,
                class: stored.class,
                template: stored.template,
                severity: stored.severity,
                first: stored.first_seen,
            },
            skeleton: Arc::clone(&stored.skeleton),
        }
    }

    fn seen(sighting: &Sighting, severity: Severity, first: EventTime) -> Known {
        Known {
            candidate: Candidate {
                fingerprint: sighting.fingerprint,
                class: sighting.class,
                template: sighting.template,
                severity,
                first,
            },
            skeleton: Arc::clone(&sighting.skeleton),
        }
    }
}

/// Returns what this worker knows of the fingerprints it has seen, one row for each.
pub(super) fn known<'s>(sightings: Stream<'s, Sighting>) -> Collection<'s, Known> {
    sightings
        .unary(Pipeline, "known", |_capability, _info| {
            let mut best: HashMap<Fingerprint, (Severity, EventTime)> = HashMap::new();
            move |input, output| {
                input.for_each(|time, sightings: &mut Vec<Sighting>| {
                    let epoch = *time.time();
                    let mut changes = Vec::new();
                    for sighting in sightings.drain(..) {
                        let seen = (sighting.severity, sighting.first.time);
                        let before = best.get(&sighting.fingerprint).copied();
                        let now = before.map_or(seen, |(severity, first)| {
                            (severity.max(seen.0), first.min(seen.1))
                        });
                        if before == Some(now) {
                            continue;
                        }
                        best.insert(sighting.fingerprint, now);
                        if let Some((severity, first)) = before {
                            changes.push((Known::seen(&sighting, severity, first), epoch, -1));
                        }
                        changes.push((Known::seen(&sighting, now.0, now.1), epoch, 1));
                    }
                    output.session(&time).give_iterator(changes.into_iter());
                });
            }
        })
        .as_collection()
}
