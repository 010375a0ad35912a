//! Fold: what each epoch learns about each fingerprint, as one sighting however many events it had.
//!
//! *Promises:* a sighting's `text` is that of the event in `first`. `first` may be that of an
//! earlier epoch of this worker, never that of a later one.
//! *State and limits:* one profile per identity; per open epoch one slot per identity seen in it,
//! with at most [`Sample::PER_DAY_MAX`] samples a day.

use super::identify::{Identifier, Identity, OVERFLOW_TEXT};
use super::parts::EventParts;
use super::samples::{SampleGate, keep};
use crate::pattern::text_of;
use engine::dataflow::DataflowTime;
use engine::model::{
    Account, Counter, EventBatch, EventRef, EventTime, FirstSeen, Sample, Severity, Sighting,
    SourceIndex,
};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64;

/// One identified event.
struct Observation<'a> {
    identity: Identity,
    identifier: &'a Identifier,
    batch: &'a EventBatch,
    event: &'a EventRef,
}

impl Observation<'_> {
    /// Returns the text that is displayed for the event.
    fn text(&self) -> Arc<str> {
        let name = self.identifier.name(self.identity);
        if name.is_overflow {
            return OVERFLOW_TEXT.into();
        }
        let rules = self.identifier.rules();
        let text = EventParts::of_any(self.batch, self.event).identity(rules).1;
        match name.is_widened {
            true => text_of(&name.skeleton, [text.as_bytes()]).into(),
            false => text.into(),
        }
    }

    /// Returns the event's record as a sample.
    fn sample(&self, hash: u64) -> Sample {
        Sample {
            hash,
            time: self.event.time,
            source: self.batch.source,
            record: cut_record(self.batch.text(self.event.record)),
        }
    }
}

/// Returns the record as it is stored.
fn cut_record(bytes: &[u8]) -> String {
    let mut record =
        String::from_utf8_lossy(&bytes[..bytes.len().min(Sample::RECORD_BYTES_MAX)]).into_owned();
    // Replacement characters are longer than what they replace.
    let mut cut = record.len().min(Sample::RECORD_BYTES_MAX);
    while !record.is_char_boundary(cut) {
        cut -= 1;
    }
    record.truncate(cut);
    record
}

/// What this worker remembers of a fingerprint between epochs.
#[derive(Default)]
struct Profile {
    /// The event that is displayed, its text, and the epoch that brought it.
    best: Option<(FirstSeen, Arc<str>, DataflowTime)>,
    gate: SampleGate,
    /// Where it is in the epoch it was seen in last.
    slot: Option<(DataflowTime, u32)>,
}

/// What one epoch learned about one fingerprint so far.
struct Slot {
    identity: Identity,
    shown: Option<(FirstSeen, Arc<str>)>,
    last: EventTime,
    severity: Severity,
    source: SourceIndex,
    is_overflow: bool,
    /// Ordered by day and hash.
    samples: Vec<Sample>,
}

/// One open epoch.
#[derive(Default)]
struct OpenEpoch {
    slots: Vec<Slot>,
    by_identity: HashMap<Identity, u32, foldhash::fast::RandomState>,
    overflowed: BTreeMap<SourceIndex, i64>,
}

/// What a complete epoch learned, ordered.
pub(super) struct Learned {
    pub(super) sightings: Vec<Sighting>,
    pub(super) accounts: Vec<Account>,
}

/// See the module.
#[derive(Default)]
pub(super) struct Fold {
    profiles: Vec<Profile>,
    epochs: BTreeMap<DataflowTime, OpenEpoch>,
}

impl Fold {
    /// Takes the events of a batch into account, whose identities are known.
    pub(super) fn observe(
        &mut self,
        epoch: DataflowTime,
        batch: &EventBatch,
        identities: &[Identity],
        identifier: &Identifier,
    ) {
        let largest = identities.iter().map(|identity| identity.index() + 1).max().unwrap_or(0);
        if largest > self.profiles.len() {
            self.profiles.resize_with(largest, Profile::default);
        }
        let open = self.epochs.entry(epoch).or_default();
        for (event, &identity) in batch.events.iter().zip(identities) {
            let profile = &mut self.profiles[identity.index()];
            open.observe(profile, epoch, &Observation { identity, identifier, batch, event });
        }
    }

    /// Returns what was learned in `epoch` and forgets the epoch.
    pub(super) fn complete(&mut self, epoch: DataflowTime, identifier: &Identifier) -> Learned {
        let open = self.epochs.remove(&epoch).unwrap_or_default();
        let slots = open.slots.into_iter();
        let mut sightings: Vec<_> = slots.filter_map(|slot| slot.sighting(identifier)).collect();
        sightings.sort_unstable_by_key(|sighting| sighting.fingerprint);
        let accounts = open.overflowed.into_iter();
        let accounts = accounts
            .map(|(source, n)| Account { source, counter: Counter::Overflowed, n })
            .collect();
        Learned { sightings, accounts }
    }

    /// Returns how much is remembered: profiles, and open epochs.
    #[cfg(test)]
    pub(super) fn sizes(&self) -> (usize, usize) {
        (self.profiles.len(), self.epochs.len())
    }
}

impl OpenEpoch {
    #[inline]
    fn observe(&mut self, profile: &mut Profile, epoch: DataflowTime, seen: &Observation<'_>) {
        let (time, source) = (seen.event.time, seen.batch.source);
        let slot = self.slot(profile, epoch, seen);
        slot.last = slot.last.max(time);
        slot.severity = slot.severity.max(seen.event.severity);
        slot.source = slot.source.min(source);

        let hash = xxh3_64(seen.batch.text(seen.event.record));
        let first = FirstSeen { time, hash };
        if slot.shown.as_ref().is_none_or(|shown| first < shown.0) {
            let text = seen.text();
            if profile.best.as_ref().is_none_or(|best| first < best.0) {
                profile.best = Some((first, Arc::clone(&text), epoch));
            }
            slot.shown = Some((first, text));
        }
        if profile.gate.admits(hash, time, source) {
            keep(&mut slot.samples, seen.sample(hash));
        }
        if slot.is_overflow {
            *self.overflowed.entry(source).or_default() += i64::from(seen.event.change);
        }
    }

    /// Returns the slot of an event's identity, a new one if it is the epoch's first.
    #[inline]
    fn slot(
        &mut self,
        profile: &mut Profile,
        epoch: DataflowTime,
        seen: &Observation<'_>,
    ) -> &mut Slot {
        let at = match profile.slot {
            Some((of, at)) if of == epoch => at,
            _ => {
                let slots = &mut self.slots;
                let at = *self.by_identity.entry(seen.identity).or_insert_with(|| {
                    slots.push(Slot::new(profile, epoch, seen));
                    (slots.len() - 1) as u32
                });
                profile.slot = Some((epoch, at));
                at
            }
        };
        &mut self.slots[at as usize]
    }
}

impl Slot {
    fn new(profile: &Profile, epoch: DataflowTime, seen: &Observation<'_>) -> Self {
        let best = profile.best.as_ref().filter(|best| best.2 <= epoch);
        Self {
            identity: seen.identity,
            shown: best.map(|(first, text, _)| (*first, Arc::clone(text))),
            last: seen.event.time,
            severity: seen.event.severity,
            source: seen.batch.source,
            is_overflow: seen.identifier.name(seen.identity).is_overflow,
            samples: Vec::new(),
        }
    }

    fn sighting(self, identifier: &Identifier) -> Option<Sighting> {
        let (first, text) = self.shown?;
        let name = identifier.name(self.identity);
        Some(Sighting {
            fingerprint: identifier.fingerprint(self.identity),
            template: name.template,
            class: name.class,
            service: Arc::clone(&name.service),
            skeleton: Arc::clone(&name.skeleton),
            first,
            text,
            last: self.last,
            severity: self.severity,
            source: self.source,
            samples: self.samples,
        })
    }
}
