//! Identify: from an event to its fingerprint, through a lookup that needs no allocation for what
//! was seen before.
//!
//! ```text
//! message ──HotHash(source, class, service)──► seen lately? ──yes──► Identity
//!                                                  │no
//!                skeleton ──blake3──► Fingerprint ─┴─► known or room for it? ──no──► overflow
//! ```
//! *State and limits:* per source at most `max_fingerprints` fingerprints (plus those recovered,
//! and one overflow fingerprint per class for each of [`OVERFLOW_SERVICES_MAX`] services); two
//! generations of [`HOT_GENERATION_MAX`] lookups, the older of which is forgotten at once.

use super::crowd::Crowds;
use super::options::IdentityRules;
use super::parts::{EXPLICIT_MARKER, EventParts};
use crate::rules::UserRules;
use crate::skeleton::HotHash;
use engine::component::KnownFingerprint;
use engine::model::{EventBatch, EventRef, Fingerprint, SeverityClass, SourceIndex, Template};
use foldhash::fast::RandomState;
use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher;
use std::sync::Arc;

/// What the overflow fingerprint shows instead of a template.
pub(super) const OVERFLOW_TEXT: &str = "<overflow: too many different messages>";
/// What the overflow template is made of; no message has this skeleton, since no word holds `<`.
const OVERFLOW_SKELETON: &[u8] = b"<overflow>";
/// How many lookups one generation remembers.
const HOT_GENERATION_MAX: usize = 64 * 1024;
/// For how many services a source keeps overflow fingerprints apart.
pub(super) const OVERFLOW_SERVICES_MAX: usize = 64;
/// How many fingerprints of crowds a source may have beyond its bound.
pub(super) const WIDENED_MAX: usize = 1000;
/// How much of a service's name counts, in bytes.
pub(super) const SERVICE_BYTES_MAX: usize = 256;

/// A fingerprint known to this worker, as a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Identity(u32);

impl Identity {
    /// Returns the position in a list with one entry per identity.
    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

/// What an identity stands for.
#[derive(Clone, Debug)]
pub(super) struct Name {
    pub(super) template: Template,
    pub(super) class: SeverityClass,
    pub(super) service: Arc<str>,
    pub(super) skeleton: Arc<str>,
    pub(super) is_overflow: bool,
    /// Whether the skeleton has variables where too many words stood.
    pub(super) is_widened: bool,
}

/// The hashes from which those of the events of one batch go on, by class.
pub(super) struct Contexts {
    source: SourceIndex,
    by_class: [HotHash; 3],
}

/// Which fingerprints one source has.
#[derive(Default)]
struct Admitted {
    fingerprints: HashSet<Fingerprint, RandomState>,
    overflows: usize,
}

/// See the module.
pub(super) struct Identifier {
    max_fingerprints: usize,
    rules: IdentityRules,
    overflow_template: Template,
    seed: u64,
    hot: HashMap<u128, Identity, RandomState>,
    older: HashMap<u128, Identity, RandomState>,
    names: Vec<Name>,
    /// One for each of `names`; apart, since every event needs its own and nothing else of a name.
    fingerprints: Vec<Fingerprint>,
    by_fingerprint: HashMap<Fingerprint, Identity, RandomState>,
    admitted: HashMap<SourceIndex, Admitted, RandomState>,
    crowds: Crowds,
}

impl Identifier {
    /// Returns an identifier that lets every source have what is `known` of it.
    pub(super) fn new(
        max: usize,
        rules: IdentityRules,
        source_ids: &[&str],
        known: &[KnownFingerprint],
    ) -> Self {
        let mut identifier = Self {
            max_fingerprints: max,
            rules,
            overflow_template: Template::of_skeleton(OVERFLOW_SKELETON),
            // Differs per process, so that nobody can prepare messages whose hashes collide.
            seed: RandomState::default().hash_one(0),
            hot: HashMap::default(),
            older: HashMap::default(),
            names: Vec::new(),
            fingerprints: Vec::new(),
            by_fingerprint: HashMap::default(),
            admitted: HashMap::default(),
            crowds: Crowds::default(),
        };
        for one in known {
            identifier.crowds.count(one.template, one.skeleton.as_bytes());
        }
        for (index, id) in source_ids.iter().enumerate() {
            let Ok(index) = u16::try_from(index) else { break };
            let admitted = identifier.admitted.entry(SourceIndex(index)).or_default();
            let of_source = known.iter().filter(|one| one.source == *id);
            admitted.fingerprints.extend(of_source.map(|one| one.fingerprint));
        }
        identifier
    }

    /// Returns what the user says about identity.
    pub(super) fn rules(&self) -> &IdentityRules {
        &self.rules
    }

    /// Returns the fingerprint of `identity`.
    #[inline]
    pub(super) fn fingerprint(&self, identity: Identity) -> Fingerprint {
        self.fingerprints[identity.index()]
    }

    /// Returns what `identity` stands for.
    pub(super) fn name(&self, identity: Identity) -> &Name {
        &self.names[identity.index()]
    }

    /// Returns the contexts of the batch's events that do not name a service.
    pub(super) fn contexts(&self, batch: &EventBatch) -> Contexts {
        let service = cut_service(batch.service.as_bytes());
        let classes = [SeverityClass::Rest, SeverityClass::Warn, SeverityClass::Error];
        let by_class = classes.map(|class| self.context(batch.source, class, service));
        Contexts { source: batch.source, by_class }
    }

    fn context(&self, source: SourceIndex, class: SeverityClass, service: &[u8]) -> HotHash {
        let [low, high] = source.0.to_le_bytes();
        HotHash::seeded(self.seed).with(&[low, high, class as u8]).with(service)
    }

    /// Returns what the identity of `event` is looked up by.
    #[inline]
    pub(super) fn hash(&self, contexts: &Contexts, batch: &EventBatch, event: &EventRef) -> u128 {
        let class = event.severity.class();
        let context = if event.service.is_empty() {
            contexts.by_class[class as usize]
        } else {
            self.context(contexts.source, class, cut_service(batch.text(event.service)))
        };
        match EventParts::of(batch, event) {
            None => {
                let message = batch.text(event.message);
                match self.rules.texts.touch(message) {
                    false => context.of(message),
                    true => hot_by_rules(&self.rules.texts, context, message),
                }
            }
            Some(parts) => parts.hot(context),
        }
    }

    /// Returns the identity of `event`, whose hash is `hot`.
    #[inline]
    pub(super) fn identity(&mut self, hot: u128, batch: &EventBatch, event: &EventRef) -> Identity {
        match self.hot.get(&hot) {
            Some(identity) => *identity,
            None => self.remember(hot, batch, event),
        }
    }

    /// Returns the identity of an event whose hash was not seen lately, and keeps it.
    #[cold]
    fn remember(&mut self, hot: u128, batch: &EventBatch, event: &EventRef) -> Identity {
        let identity = match self.older.get(&hot) {
            Some(identity) => *identity,
            None => self.identify_in_full(batch, event),
        };
        if self.hot.len() >= HOT_GENERATION_MAX {
            self.older = std::mem::take(&mut self.hot);
        }
        self.hot.insert(hot, identity);
        identity
    }

    fn identify_in_full(&mut self, batch: &EventBatch, event: &EventRef) -> Identity {
        let class = event.severity.class();
        let service = cut_service(batch.service_of(event));
        let skeleton = EventParts::of_any(batch, event).identity(&self.rules).0;
        let template = Template::of_skeleton(&skeleton);
        let fingerprint = Fingerprint::new(service, class, template);
        let max = self.max_fingerprints;
        let admitted = self.admitted.entry(batch.source).or_default();
        if admitted.fingerprints.contains(&fingerprint) || admitted.fingerprints.len() < max {
            admitted.fingerprints.insert(fingerprint);
            self.crowds.count(template, &skeleton);
            let words = Words { skeleton: &skeleton, is_widened: false };
            return self.intern(fingerprint, template, class, service, Some(words));
        }
        // Over the bound an event joins the others of a crowd, or overflows.
        let Some(skeleton) = self.crowds.widen(&skeleton) else {
            return self.overflow(batch, class, service);
        };
        let template = Template::of_skeleton(&skeleton);
        let fingerprint = Fingerprint::new(service, class, template);
        if !admitted.fingerprints.contains(&fingerprint) {
            if admitted.fingerprints.len() >= max + WIDENED_MAX {
                return self.overflow(batch, class, service);
            }
            admitted.fingerprints.insert(fingerprint);
        }
        let words = Words { skeleton: &skeleton, is_widened: true };
        self.intern(fingerprint, template, class, service, Some(words))
    }

    /// Returns the overflow identity of the service, or of the source if it has too many services.
    fn overflow(&mut self, batch: &EventBatch, class: SeverityClass, service: &[u8]) -> Identity {
        let template = self.overflow_template;
        let fingerprint = Fingerprint::new(service, class, template);
        if self.by_fingerprint.contains_key(&fingerprint) {
            return self.intern(fingerprint, template, class, service, None);
        }
        let admitted = self.admitted.entry(batch.source).or_default();
        if admitted.overflows < OVERFLOW_SERVICES_MAX * 3 {
            admitted.overflows += 1;
            return self.intern(fingerprint, template, class, service, None);
        }
        let service = cut_service(batch.service.as_bytes());
        let fingerprint = Fingerprint::new(service, class, template);
        self.intern(fingerprint, template, class, service, None)
    }

    /// Returns the number of a fingerprint; one without a skeleton is an overflow.
    fn intern(
        &mut self,
        fingerprint: Fingerprint,
        template: Template,
        class: SeverityClass,
        service: &[u8],
        words: Option<Words<'_>>,
    ) -> Identity {
        let (names, fingerprints) = (&mut self.names, &mut self.fingerprints);
        *self.by_fingerprint.entry(fingerprint).or_insert_with(|| {
            let text = |bytes: &[u8]| Arc::from(String::from_utf8_lossy(bytes));
            let (is_overflow, overflow) = (words.is_none(), Words::OVERFLOW);
            let Words { skeleton, is_widened } = words.unwrap_or(overflow);
            let (service, skeleton) = (text(service), text(skeleton));
            fingerprints.push(fingerprint);
            names.push(Name { template, class, service, skeleton, is_overflow, is_widened });
            Identity((names.len() - 1) as u32)
        })
    }

    /// Returns how much is remembered: names, and lookups.
    #[cfg(test)]
    pub(super) fn sizes(&self) -> (usize, usize) {
        (self.names.len(), self.hot.len() + self.older.len())
    }
}

/// What a fingerprint is made of besides service and class.
struct Words<'a> {
    skeleton: &'a [u8],
    is_widened: bool,
}

impl Words<'_> {
    const OVERFLOW: Words<'static> = Words { skeleton: OVERFLOW_SKELETON, is_widened: false };
}

/// Returns the hash of a message that a rule of the user matches, after what went into `context`.
fn hot_by_rules(rules: &UserRules, context: HotHash, message: &[u8]) -> u128 {
    match rules.fingerprint(&[message]) {
        // No message goes on like this.
        Some(asked) => context.with(EXPLICIT_MARKER).with(&asked.fingerprint).finish(),
        None => context.of_ruled(message, &rules.ruled(&rules.pieces(message))),
    }
}

/// Returns the part of a service's name that counts.
pub(super) fn cut_service(service: &[u8]) -> &[u8] {
    &service[..service.len().min(SERVICE_BYTES_MAX)]
}
