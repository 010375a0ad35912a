//! Seeded input: the same seed gives the same commits everywhere. No clock, no global state.

use crate::component::{Commit, Contents, Incarnation};
use crate::model::{
    Account, Activity, Alert, AlertDetails, AlertKey, AlertKind, AlertLevel, AlertState,
    BaselinePoint, Bucket, Constraint, Counter, Deed, Deploy, Epoch, EventTime, Explanation,
    Fingerprint, FirstSeen, Happened, Issue, IssueId, KernelClass, Member, Notice, NoticeId,
    Offset, OutboxRow, OutboxState, Part, PartitionId, PatternId, Progress, RejectReason, Rejected,
    Sample, Severity, SeverityClass, Sighting, Similarity, SourceIndex, Standing, StateRow, Tag,
    TagReason, Tagged, Template, TextId, Transition, TriageState, Vector, VectorRow, Verdict,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A small, fast, seeded generator (SplitMix64).
#[derive(Clone, Debug)]
pub struct Seeded(u64);

impl Seeded {
    /// Returns the generator of `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns the next number.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number below `end`, which is not 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next_u64() % end
    }

    /// Returns true once in `n` times on average.
    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// Puts `items` into a random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
    }
}

/// The sources that generated commits name.
pub const SOURCE_IDS: [&str; 3] = ["web", "app", "db"];
/// The texts that generated vectors are of.
pub const TEXTS: [&str; 3] = ["disk full", "timeout", "refused"];
/// The names of generated tags.
pub const TAGS: [&str; 3] = ["disk", "network", "timeout"];
/// The notifiers that generated rows of the outbox are for.
pub const NOTIFIERS: [&str; 2] = ["chat", "mail"];
/// The people that look after generated issues.
pub const PEOPLE: [&str; 2] = ["mia", "noé \u{1}\0"];
/// The instant around which generated events happen, in seconds: 2023-11-14T22:00:00Z.
pub const START_SECS: i64 = 1_699_999_200;
/// How far from there they lie at most.
pub const SPREAD_SECS: i64 = 3 * 86_400;

/// Generates commits over a small world of fingerprints, so that rows meet again and again.
#[derive(Clone, Debug)]
pub struct Commits {
    seeded: Seeded,
    fingerprints: u64,
    epoch: Option<Epoch>,
    source_ids: Arc<[String]>,
}

impl Commits {
    /// Returns the generator of `seed` over that many fingerprints (at least one).
    pub fn new(seed: u64, fingerprints: u64) -> Self {
        let source_ids = SOURCE_IDS.map(str::to_owned).to_vec().into();
        Self { seeded: Seeded::new(seed), fingerprints, epoch: None, source_ids }
    }

    /// Returns the next commit of `incarnation`: every list may be empty.
    pub fn next(&mut self, incarnation: Incarnation) -> Commit {
        let predecessor = self.epoch;
        let epoch = Epoch(predecessor.map_or(0, |epoch| epoch.0) + 1 + self.seeded.below(3));
        self.epoch = Some(epoch);
        let contents = self.contents();
        Commit { incarnation, predecessor, epoch, source_ids: self.source_ids.clone(), contents }
    }

    /// Returns random contents as an epoch would bring them: ordered and without repeats.
    pub fn contents(&mut self) -> Contents {
        let mut folded = Contents::default();
        for _ in 0..self.seeded.below(12) {
            let sighting = self.sighting();
            folded.counts.extend(self.counts(sighting.fingerprint));
            folded.sightings.push(sighting);
        }
        for _ in 0..self.seeded.below(4) {
            folded.accounts.push(self.account());
            folded.rejected.push(self.rejected());
            folded.progress.push(self.progress());
            folded.state.push(self.state());
            folded.vectors.push(self.vector());
            let number = self.number();
            folded.issues.push((issue_of(number - number % 3), !self.seeded.one_in(4)));
            let member = self.member();
            folded.members.push((member, !self.seeded.one_in(5)));
            folded.parts.push((self.part(), !self.seeded.one_in(4)));
            for _ in 0..2 {
                folded.tags.push((self.tagged(), !self.seeded.one_in(4)));
            }
            folded.alerts.push(self.alert());
            folded.standings.push(self.standing());
            for _ in 0..2 {
                folded.activity.push(self.activity());
            }
            folded.outbox.push(self.outbox());
        }
        fold([Contents::default(), folded])
    }

    fn number(&mut self) -> u64 {
        self.seeded.below(self.fingerprints)
    }

    fn source(&mut self) -> SourceIndex {
        SourceIndex(self.seeded.below(SOURCE_IDS.len() as u64) as u16)
    }

    fn secs(&mut self) -> i64 {
        START_SECS + self.seeded.below(SPREAD_SECS as u64) as i64
    }

    fn counts(&mut self, fingerprint: Fingerprint) -> Vec<(Fingerprint, Bucket, i64)> {
        let n = self.seeded.below(5);
        let mut count = || {
            let bucket = Bucket(self.secs() / 60 * 60);
            (fingerprint, bucket, self.seeded.below(9) as i64 - 2)
        };
        (0..n).map(|_| count()).collect()
    }

    fn sighting(&mut self) -> Sighting {
        let number = self.number();
        let time = EventTime(self.secs() * 1_000_000_000 + self.seeded.below(1_000) as i64);
        let later = self.seeded.below(1 << 40) as i64;
        let hash = hash_of(number, time);
        let source = self.source();
        let samples = (0..self.seeded.below(30)).map(|_| self.sample(number)).collect();
        Sighting {
            fingerprint: fingerprint_of(number),
            template: template_of(number),
            class: class_of(number),
            service: service_of(number).into(),
            skeleton: format!("Failure <*> of kind {number}").into(),
            first: FirstSeen { time, hash },
            text: format!("Failure <num> of kind {number} number {}", hash % 7).into(),
            last: EventTime(time.0 + later),
            severity: severity_of(number, hash),
            source,
            samples,
        }
    }

    fn sample(&mut self, number: u64) -> Sample {
        let time = EventTime(self.secs() * 1_000_000_000);
        // One in two shares its hash with others of the fingerprint: the same record, seen again.
        let hash =
            if self.seeded.one_in(2) { self.seeded.below(40) } else { self.seeded.next_u64() };
        Sample { hash, time, source: self.source(), record: format!("record {number} {hash}") }
    }

    fn account(&mut self) -> Account {
        let counter = match self.seeded.below(8) {
            0 => Counter::LinesRead,
            1 => Counter::LinesBlank,
            2 => Counter::Filtered("noise".into()),
            3 => Counter::Sampled("thin".into()),
            4 => Counter::Rejected(RejectReason::ALL[self.seeded.below(2) as usize]),
            5 => Counter::LostBytes,
            6 => Counter::Overflowed,
            _ => Counter::Read,
        };
        Account { source: self.source(), counter, n: 1 + self.seeded.below(100) as i64 }
    }

    fn rejected(&mut self) -> Rejected {
        let hash = self.seeded.next_u64();
        let reason = RejectReason::ALL[self.seeded.below(2) as usize];
        Rejected { source: self.source(), reason, hash, record: format!("rejected {hash}") }
    }

    fn progress(&mut self) -> Progress {
        let partition = PartitionId(format!("part-{}", self.seeded.below(4)).into());
        let offset = Offset(self.seeded.below(1 << 30).to_string());
        Progress {
            source: self.source(),
            partition,
            offset: (!self.seeded.one_in(4)).then_some(offset),
            lag_bytes: self.seeded.below(1_000),
            received: EventTime::from_secs(self.secs()),
        }
    }

    fn state(&mut self) -> StateRow {
        let node = ["events", "spikes"][self.seeded.below(2) as usize].into();
        let key = format!("key-{}", self.seeded.below(4)).into();
        let value = self.seeded.next_u64().to_le_bytes().as_slice().into();
        StateRow { node, key, value: (!self.seeded.one_in(4)).then_some(value) }
    }

    fn vector(&mut self) -> VectorRow {
        let text = self.text();
        let number = 1 + self.seeded.below(100);
        let vector = Vector(Box::new(std::array::from_fn(|n| (n as u64 % number) as f32 + 0.5)));
        VectorRow::new(text, KernelClass::MINILM_L6_F32, &vector)
    }

    fn text(&mut self) -> TextId {
        TextId::of_text(TEXTS[self.seeded.below(TEXTS.len() as u64) as usize])
    }

    fn part(&mut self) -> Part {
        let number = self.number();
        let kind = self.seeded.below(3);
        Part {
            issue: issue_of(number - number % 3).id,
            pattern: PatternId::of_skeleton(&format!("failure <*> of kind {kind}")),
            text: format!("Failure <num> of kind {kind}{}", ["", " é"][(number % 2) as usize])
                .into(),
            embedded: (!self.seeded.one_in(3)).then(|| self.text()),
        }
    }

    fn tagged(&mut self) -> Tagged {
        let number = self.number();
        let name = TAGS[self.seeded.below(TAGS.len() as u64) as usize].into();
        let score = Similarity::from_millionths(self.seeded.below(3) as i32 * 250_000 - 1);
        let words = ["no space left", "timed out"][self.seeded.below(2) as usize].into();
        let reason =
            if self.seeded.one_in(2) { TagReason::Words(words) } else { TagReason::Near(words) };
        Tagged { issue: issue_of(number - number % 3).id, tag: Tag { name, score, reason } }
    }

    fn member(&mut self) -> Member {
        let number = self.number();
        // Three fingerprints of a class share an issue, as long as they have the same class.
        let issue = issue_of(number - number % 3).id;
        Member { fingerprint: fingerprint_of(number), issue }
    }

    fn alert(&mut self) -> Alert {
        let number = self.number();
        let issue = issue_of(number - number % 3).id;
        // A few to begin in, so that the same alert is met again, and a day between them.
        let start = Bucket(START_SECS / 300 * 300 + 86_400 * self.seeded.below(3) as i64);
        let last = Bucket(start.0 + 300 * self.seeded.below(40) as i64);
        let observed = self.seeded.below(1_000) as i64;
        let peak =
            Verdict { bucket: start, observed, expected_milli: 1_500, surprise_milli: 9_000 };
        let key = alert_of(number, start);
        let details = self.alert_details(number, start);
        let observed = 2 * observed;
        Alert { key, issue, start, last, bucket_secs: 300, peak, observed, details }
    }

    fn alert_details(&mut self, number: u64, start: Bucket) -> AlertDetails {
        let kinds = [AlertKind::Spike, AlertKind::FirstSeen, AlertKind::GoneQuiet, AlertKind::Step];
        let levels = [AlertLevel::Fingerprint, AlertLevel::Issue, AlertLevel::Service];
        let service: Arc<str> = service_of(number).into();
        let at = EventTime::from_secs(self.secs());
        let points = (0..self.seeded.below(4) as i64).map(|n| BaselinePoint {
            bucket: Bucket(start.0 - 300 * n),
            observed: n,
            expected_milli: 1_000 * n,
        });
        let explanation = Explanation {
            test: "events in 3 buckets \"\u{1}\0\"".into(),
            window: 3,
            budget_milli: 1_000,
            alive: self.fingerprints,
            baseline: points.collect(),
        };
        AlertDetails {
            incident: alert_of(self.number(), start),
            kind: self.one_of(&kinds),
            level: self.one_of(&levels),
            state: self.one_of(&AlertState::ALL),
            lead: fingerprint_of(number),
            fired_at: at,
            changed_at: EventTime(at.0 + self.seeded.below(1 << 40) as i64),
            until: self.seeded.one_in(3).then_some(at),
            by: self.seeded.one_in(2).then(|| "mia".into()),
            comment: self.seeded.one_in(3).then(|| "known, see é".into()),
            silence: self.seeded.one_in(4).then(|| "s_0123456789abcdef".into()),
            deploy: self.seeded.one_in(2).then(|| Deploy {
                service: service.clone(),
                version: "2.3".into(),
                at,
            }),
            service,
            explanation,
            told_observed: self.seeded.one_in(3).then_some(7),
        }
    }

    fn standing(&mut self) -> (IssueId, Option<Standing>) {
        let number = self.number();
        let standing = Standing {
            state: self.one_of(&TriageState::ALL),
            changed_at: EventTime::from_secs(self.secs()),
            by: self.one_of(&["", PEOPLE[0], PEOPLE[1]]).into(),
            until: self.seeded.one_in(3).then_some(EventTime(i64::MAX)),
            assignee: (!self.seeded.one_in(3)).then(|| self.one_of(&PEOPLE).into()),
        };
        // Some are of issues that are not there.
        let number = if self.seeded.one_in(5) { number } else { number - number % 3 };
        (issue_of(number).id, (!self.seeded.one_in(4)).then_some(standing))
    }

    fn activity(&mut self) -> Activity {
        // A few instants, so that much happens at the same one.
        let at = EventTime::from_secs(START_SECS + self.seeded.below(4) as i64);
        let constraint = Constraint::Pin { issue: issue_of(self.number()).id };
        let happened = [
            Happened::Deed(Deed::Resolve),
            Happened::Deed(Deed::Ignore { until: Some(at) }),
            Happened::Deed(Deed::Assign { to: Some(PEOPLE[1].into()) }),
            Happened::Deed(Deed::Comment),
            Happened::Regressed,
            Happened::Grouped { id: "g_0123456789abcdef".into(), constraint },
        ];
        let happened = happened[self.seeded.below(happened.len() as u64) as usize].clone();
        let comment = self.one_of(&["", "known, see é \u{1}\0"]).into();
        let by = self.one_of(&PEOPLE).into();
        Activity { at, issue: issue_of(self.number()).id, happened, by, comment }
    }

    fn outbox(&mut self) -> OutboxRow {
        let start = Bucket(START_SECS / 300 * 300);
        let incident = alert_of(self.seeded.below(3), start);
        let number = 1 + self.seeded.below(3) as u32;
        let at = EventTime::from_secs(self.secs());
        let settled = EventTime(at.0 + self.seeded.below(1 << 40) as i64);
        let state = match self.seeded.below(3) {
            0 => OutboxState::Queued,
            1 => OutboxState::Delivered { at: settled },
            _ => OutboxState::Dead { at: settled, reason: "404 \u{1}\0 gone".into() },
        };
        let transitions = [Transition::Fired, Transition::Reminder, Transition::Resolved];
        let notice = Notice {
            id: NoticeId::new(incident, number),
            incident,
            number,
            transition: self.one_of(&transitions),
            at,
            alerts: (0..self.seeded.below(3)).map(|_| self.alert()).collect(),
            more: self.seeded.below(2) as u32,
        };
        OutboxRow { notifier: self.one_of(&NOTIFIERS).into(), notice: Arc::new(notice), state }
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.seeded.below(all.len() as u64) as usize]
    }
}

/// Returns the key of an alert that a fingerprint of the generated world leads.
fn alert_of(number: u64, start: Bucket) -> AlertKey {
    AlertKey::new(fingerprint_of(number), start)
}

/// Returns the fingerprint with a number of the generated world.
pub fn fingerprint_of(number: u64) -> Fingerprint {
    Fingerprint::new(service_of(number).as_bytes(), class_of(number), template_of(number))
}

/// Returns the issue that begins with a fingerprint of the generated world.
pub fn issue_of(number: u64) -> Issue {
    let (class, template) = (class_of(number), template_of(number));
    let text = format!("Failure of kind {number}").into();
    let skeleton = format!("failure of kind <*> {number}").into();
    Issue { id: IssueId::new(class, template), class, template, text, skeleton }
}

fn template_of(number: u64) -> Template {
    Template::of_skeleton(&number.to_le_bytes())
}

fn class_of(number: u64) -> SeverityClass {
    SeverityClass::from_code((number / 3 % 3) as u8)
}

fn service_of(number: u64) -> String {
    ["", "api", "billing"][(number % 3) as usize].to_owned()
}

fn severity_of(number: u64, hash: u64) -> Severity {
    match class_of(number) {
        SeverityClass::Error => [Severity::Error, Severity::Fatal][(hash % 2) as usize],
        SeverityClass::Warn => Severity::Warn,
        SeverityClass::Rest => {
            [Severity::Unknown, Severity::Debug, Severity::Info][(hash % 3) as usize]
        }
    }
}

fn hash_of(number: u64, time: EventTime) -> u64 {
    Seeded::new(number ^ time.0.cast_unsigned().rotate_left(32)).next_u64()
}

/// Folds the contents of consecutive epochs into those of one commit, slowly and obviously.
pub fn fold(epochs: impl IntoIterator<Item = Contents>) -> Contents {
    let mut counts = BTreeMap::new();
    let mut sightings: BTreeMap<Fingerprint, Sighting> = BTreeMap::new();
    let mut accounts = BTreeMap::new();
    let mut rejected = Vec::new();
    let mut progress = BTreeMap::new();
    let mut state = BTreeMap::new();
    let mut issues = BTreeMap::new();
    let mut members = BTreeMap::new();
    let mut parts = BTreeMap::new();
    let mut tags = BTreeMap::new();
    let mut alerts = BTreeMap::new();
    let (mut standings, mut activity) = (BTreeMap::new(), Vec::new());
    let mut outbox = BTreeMap::new();
    let mut vectors = BTreeMap::new();
    for epoch in epochs {
        for (fingerprint, bucket, n) in epoch.counts {
            *counts.entry((fingerprint, bucket)).or_insert(0) += n;
        }
        for sighting in epoch.sightings {
            match sightings.get_mut(&sighting.fingerprint) {
                Some(known) => known.merge(sighting),
                None => drop(sightings.insert(sighting.fingerprint, sighting)),
            }
        }
        for account in epoch.accounts {
            *accounts.entry((account.source, account.counter)).or_insert(0) += account.n;
        }
        rejected.extend(epoch.rejected);
        progress.extend(epoch.progress.into_iter().map(|p| ((p.source, p.partition.clone()), p)));
        state.extend(epoch.state.into_iter().map(|s| ((s.node.clone(), s.key.clone()), s)));
        issues
            .extend(epoch.issues.into_iter().map(|(issue, present)| (issue.id, (issue, present))));
        members.extend(epoch.members);
        parts.extend(epoch.parts);
        tags.extend(epoch.tags);
        alerts.extend(epoch.alerts.into_iter().map(|alert| (alert.key, alert)));
        standings.extend(epoch.standings);
        activity.extend(epoch.activity);
        let key = |row: &OutboxRow| (row.notice.id, row.notifier.clone());
        outbox.extend(epoch.outbox.into_iter().map(|row| (key(&row), row)));
        vectors.extend(epoch.vectors.into_iter().map(|row| (row.text, row)));
    }
    rejected.sort();
    rejected.dedup();
    activity.sort();
    for sighting in sightings.values_mut() {
        sighting.samples.sort();
        sighting.samples.dedup();
    }
    let account = |((source, counter), n)| Account { source, counter, n };
    Contents {
        counts: counts.into_iter().filter(|c| c.1 != 0).map(|((f, b), n)| (f, b, n)).collect(),
        sightings: sightings.into_values().collect(),
        accounts: accounts.into_iter().map(account).collect(),
        rejected,
        progress: progress.into_values().collect(),
        state: state.into_values().collect(),
        issues: issues.into_values().collect(),
        members: members.into_iter().collect(),
        parts: parts.into_iter().collect(),
        tags: tags.into_iter().collect(),
        alerts: alerts.into_values().collect(),
        standings: standings.into_iter().collect(),
        activity,
        outbox: outbox.into_values().collect(),
        vectors: vectors.into_values().collect(),
        crowded: 0,
    }
}
