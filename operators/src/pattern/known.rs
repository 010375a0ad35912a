//! What grouping knows of each fingerprint, from sightings: a worker passes on a fingerprint when it
//! sees it first, and what changed of it since: it is seen with a higher severity, or earlier.
//!
//! *State and limits:* one entry per fingerprint, in the map and in the collection; bounded by the
//! fingerprint stage's `max_fingerprints`.

use crate::view::{View, differences, view};
use engine::component::KnownFingerprint;
use engine::dataflow::{AsCollection, Collection, GenericOperator, Pipeline, Stream};
use engine::model::{Candidate, Fingerprint, FirstSeen, Severity, Sighting};
use foldhash::{HashMap, HashMapExt};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
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
                service: Arc::clone(&stored.service),
                template: stored.template,
                severity: stored.severity,
                first: stored.first,
                text: Arc::clone(&stored.text),
            },
            skeleton: Arc::clone(&stored.skeleton),
        }
    }

    /// Returns what two know together.
    fn merged(self, other: Known) -> Known {
        let severity = self.candidate.severity.max(other.candidate.severity);
        let (left, right) = (self.candidate.first, other.candidate.first);
        let mut earlier = if left <= right { self } else { other };
        earlier.candidate.severity = severity;
        earlier
    }

    fn seen(sighting: &Sighting, (severity, first, text): &Best) -> Known {
        Known {
            candidate: Candidate {
                fingerprint: sighting.fingerprint,
                class: sighting.class,
                service: Arc::clone(&sighting.service),
                template: sighting.template,
                severity: *severity,
                first: *first,
                text: Arc::clone(text),
            },
            skeleton: Arc::clone(&sighting.skeleton),
        }
    }
}

/// What can get better: severity, first event and its text.
type Best = (Severity, FirstSeen, Arc<str>);

/// Returns the best of what was known and what is seen now.
fn better(known: Option<&Best>, sighting: &Sighting) -> Best {
    let (severity, first, text) = (sighting.severity, sighting.first, &sighting.text);
    match known {
        Some(known) if known.1 <= first => (known.0.max(severity), known.1, Arc::clone(&known.2)),
        Some(known) => (known.0.max(severity), first, Arc::clone(text)),
        None => (severity, first, Arc::clone(text)),
    }
}

/// Returns what this worker knows of the fingerprints it has seen, one row for each.
pub(super) fn known<'s>(sightings: Stream<'s, Sighting>) -> Collection<'s, Known> {
    sightings
        .unary(Pipeline, "known", |_capability, _info| {
            let mut best: HashMap<Fingerprint, Best> = HashMap::new();
            move |input, output| {
                input.for_each(|time, sightings: &mut Vec<Sighting>| {
                    let epoch = *time.time();
                    let mut changes = Vec::new();
                    for sighting in sightings.drain(..) {
                        let before = best.get(&sighting.fingerprint);
                        let now = better(before, &sighting);
                        if before == Some(&now) {
                            continue;
                        }
                        if let Some(before) = before {
                            changes.push((Known::seen(&sighting, before), epoch, -1));
                        }
                        changes.push((Known::seen(&sighting, &now), epoch, 1));
                        best.insert(sighting.fingerprint, now);
                    }
                    output.session(&time).give_iterator(changes.into_iter());
                });
            }
        })
        .as_collection()
}

/// Returns one row per fingerprint: workers and the store may each know something of it.
pub(super) fn best(known: Collection<'_, Known>) -> Collection<'_, Known> {
    let owner = |known: &Known| known.candidate.fingerprint.0 as u64;
    view("best", known, owner, BestKnown::default())
}

/// What all workers know of each fingerprint.
#[derive(Default)]
struct BestKnown {
    known: HashMap<Fingerprint, BTreeMap<Known, isize>>,
    told: HashMap<Fingerprint, Known>,
    touched: BTreeSet<Fingerprint>,
}

impl View for BestKnown {
    type Row = Known;
    type Told = Known;

    fn change(&mut self, row: Known, n: isize) {
        let fingerprint = row.candidate.fingerprint;
        let rows = self.known.entry(fingerprint).or_default();
        let count = rows.entry(row.clone()).or_default();
        *count += n;
        if *count == 0 {
            rows.remove(&row);
        }
        self.touched.insert(fingerprint);
    }

    fn tell(&mut self) -> Vec<(Known, isize)> {
        let mut changes = Vec::new();
        for fingerprint in std::mem::take(&mut self.touched) {
            let rows = self.known.get(&fingerprint).into_iter().flatten();
            let now = rows.map(|(known, _)| known.clone()).reduce(Known::merged);
            let before = match &now {
                Some(now) => self.told.insert(fingerprint, now.clone()),
                None => self.told.remove(&fingerprint),
            };
            changes.extend(differences(before.as_slice(), now.as_slice()));
        }
        changes
    }
}
