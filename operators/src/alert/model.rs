//! A model of the machine behind `alert`, from its rules and from nothing else: it keeps all that every alert has heard
//! and each of its changes as lists, and counts everything again from the beginning.
//!
//! ```text
//! random story ──┬──► [Model] ──► alerts, notices ──┐
//!                ├──► [Book]  ──► alerts, notices ──┼──► the same after every epoch
//!                └──► [Book], crashing now and then ┘
//! ```
//! *Promises:* shares no code with `book` and `incident` but for the key of an alert. It was written before they were
//! read, and where they differed the rules decided; where the rules leave it open it follows the machine: people decide
//! after the ends of buckets that lie before the beat, every epoch ends with the instant that the engine knows, what
//! ended for good is stale an hour after its last bucket, and only what a notice lists has been told.
//! *Not here:* signals while sources are behind (the machine knows no time then), instants within a second, `spike`
//! and `alert` together (`tests`). The stories are told in `stories`.

mod stories;

use super::AlertConfig;
use super::book::{Book, Row, Told};
use super::incident::key_of;
use crate::view::View;
use engine::component::{HumanDuration, Recovered};
use engine::model::{
    Alert, AlertDetails, AlertKey, AlertKind, AlertLevel, AlertState, Bucket, Command, Control,
    Deploy, EventTime, Explanation, Fingerprint, IssueId, News, Notice, NoticeId, Signal, Silence,
    StateKey, Transition, Verdict,
};
use engine::testing::generate::Seeded;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use stories::Epoch;

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

fn at(secs: i64) -> EventTime {
    EventTime::from_secs(secs)
}

/// Whose news it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Who(AlertLevel, String, bool);

impl Who {
    fn of(signal: &Signal) -> Who {
        let name = match signal.level {
            AlertLevel::Fingerprint => signal.fingerprint.to_string(),
            AlertLevel::Issue => signal.issue.to_string(),
            AlertLevel::Service => signal.service.to_string(),
        };
        Who(signal.level, name, signal.kind == AlertKind::GoneQuiet)
    }
}

/// What reached an alert.
#[derive(Clone, Debug)]
enum Heard {
    Said(Box<Signal>),
    /// It belongs to another alert from now on.
    Left(Who),
}

/// An alert: all that it heard, and how it changed.
#[derive(Clone, Debug)]
struct Cause {
    incident: AlertKey,
    first: Signal,
    heard: Vec<Heard>,
    /// What follows from that; counted from the beginning whenever it hears something.
    facts: Facts,
    /// Each state with the instant at which it came; one that a signal brought has it from the next instant.
    changes: Vec<(AlertState, Option<EventTime>)>,
    deploy: Option<Deploy>,
    reopened: u32,
    calm: Option<EventTime>,
    until: Option<EventTime>,
    by: Option<Arc<str>>,
    comment: Option<Arc<str>>,
    is_ended_by_person: bool,
    silence: Option<Arc<str>>,
    told: Option<i64>,
    told_before: Option<i64>,
}

/// What follows from all that an alert heard.
#[derive(Clone, Debug)]
struct Facts {
    kind: AlertKind,
    explanation: Explanation,
    issue: IssueId,
    last: Bucket,
    peak: Verdict,
    observed: i64,
    members: BTreeSet<Who>,
    firing: BTreeSet<Who>,
}

impl Cause {
    fn new(signal: &Signal, incident: AlertKey, deploy: Option<Deploy>) -> Cause {
        Cause {
            incident,
            first: signal.clone(),
            heard: Vec::new(),
            facts: facts(signal, &[]),
            changes: vec![(AlertState::Pending, None)],
            deploy,
            reopened: 0,
            calm: None,
            until: None,
            by: None,
            comment: None,
            is_ended_by_person: false,
            silence: None,
            told: None,
            told_before: None,
        }
    }

    fn state(&self) -> AlertState {
        self.changes[self.changes.len() - 1].0
    }

    fn is_silence(&self) -> bool {
        self.first.kind == AlertKind::GoneQuiet
    }

    fn is_audible(&self) -> bool {
        self.silence.is_none() && self.state() != AlertState::Pending
    }

    fn note(&mut self, heard: Heard) {
        self.heard.push(heard);
        self.facts = facts(&self.first, &self.heard);
    }

    /// Whether what begins now is the same cause again.
    fn takes_up(&self, signal: &Signal, reopen: i64) -> bool {
        let facts = &self.facts;
        let is_moment = matches!(
            facts.kind,
            AlertKind::Regression | AlertKind::FirstSeen | AlertKind::GoneQuiet
        );
        match self.state() {
            AlertState::Retracted => false,
            AlertState::Resolved => {
                !self.is_ended_by_person
                    && signal.bucket.0 - facts.last.0 <= reopen
                    && (facts.kind == signal.kind || !is_moment)
            }
            _ => true,
        }
    }

    /// Whether a signal of another subject is about the same.
    fn is_about(&self, signal: &Signal) -> bool {
        let same_kind = self.is_silence() == (signal.kind == AlertKind::GoneQuiet);
        let wholes = [self.first.level, signal.level].map(|level| level == AlertLevel::Service);
        let same_cause = match wholes {
            [true, true] => self.first.service == signal.service,
            [false, false] => self.facts.issue == signal.issue,
            _ => false,
        };
        same_kind && same_cause
    }

    fn hear(&mut self, signal: &Signal) {
        let begins = matches!(signal.news, News::Early | News::Fired);
        if self.is_ended_by_person && signal.news != News::Revised {
            return;
        }
        self.note(Heard::Said(Box::new(signal.clone())));
        let facts = &self.facts;
        let peak = facts.peak;
        let is_over = match signal.news {
            News::Withdrawn => facts.members.is_empty(),
            News::Revised => {
                (self.first.bucket..=facts.last).contains(&signal.bucket)
                    && (peak.observed * 1_000 - peak.expected_milli < 4_000
                        || peak.observed * 1_000 < 2 * peak.expected_milli)
            }
            _ => false,
        };
        if is_over && self.state() != AlertState::Retracted {
            self.changes.push((AlertState::Retracted, None));
        }
        if begins {
            self.calm = None;
        }
        if begins && !self.state().is_open() {
            self.changes.push((AlertState::Firing, None));
            self.reopened += 1;
        }
    }

    /// Whether a person was told something else about its size than what it is.
    fn is_amended(&self) -> bool {
        let observed = self.facts.observed;
        self.told.is_some_and(|told| {
            let off = (observed - told).abs();
            off >= 4 && 5 * off >= told
        })
    }

    /// An instant passes; returns whether it wakes up.
    fn settle(&mut self, now: EventTime, config: &AlertConfig) -> bool {
        let facts = &self.facts;
        for (_, came) in &mut self.changes[1..] {
            *came = came.or(Some(now));
        }
        if !self.state().is_open() {
            return false;
        }
        let pending = config.pending.as_secs() as i64;
        let age = now.secs() - self.first.bucket.0;
        let fires = !facts.firing.is_empty();
        let goes_on = match facts.kind {
            AlertKind::FirstSeen | AlertKind::Regression => {
                fires || age < 12 * i64::from(self.first.bucket_secs)
            }
            AlertKind::GoneQuiet => fires && age < DAY,
            _ => fires,
        };
        if goes_on {
            self.calm = None;
            if self.state() == AlertState::Pending && (pending == 0 || age >= pending) {
                self.changes.push((AlertState::Firing, Some(now)));
            }
        } else {
            let calm = *self.calm.get_or_insert(now);
            let flaps = match self.reopened {
                0 => 0,
                n => (900 * 2_i64.pow((n - 1).min(10))).min(2 * HOUR),
            };
            let lasted = now.secs() - calm.secs();
            let is_calm = lasted >= config.keep_firing.as_secs() as i64 + flaps;
            if is_calm || self.state() == AlertState::Pending {
                self.changes.push((AlertState::Resolved, Some(now)));
            }
        }
        let wakes =
            self.state() == AlertState::Snoozed && self.until.is_some_and(|until| until <= now);
        if wakes {
            self.changes.push((AlertState::Firing, Some(now)));
            self.until = None;
        }
        wakes
    }

    fn shown(&self, key: AlertKey) -> Alert {
        let facts = &self.facts;
        let changed = |change: Option<&(AlertState, Option<EventTime>)>| {
            change.and_then(|(_, came)| *came).unwrap_or_default()
        };
        Alert {
            key,
            issue: facts.issue,
            start: self.first.bucket,
            last: facts.last,
            bucket_secs: self.first.bucket_secs,
            peak: facts.peak,
            observed: facts.observed,
            details: AlertDetails {
                incident: self.incident,
                kind: facts.kind,
                level: self.first.level,
                state: self.state(),
                lead: self.first.fingerprint,
                service: self.first.service.clone(),
                fired_at: changed(self.changes.get(1)),
                changed_at: changed(self.changes.last()),
                until: self.until,
                by: self.by.clone(),
                comment: self.comment.clone(),
                silence: self.silence.clone(),
                deploy: self.deploy.clone(),
                explanation: facts.explanation.clone(),
                told_observed: self.told_before,
            },
        }
    }
}

/// Returns what follows from all that an alert heard.
fn facts(first: &Signal, all: &[Heard]) -> Facts {
    let mut facts = Facts {
        kind: first.kind,
        explanation: first.explanation.clone(),
        issue: first.issue,
        last: first.bucket,
        peak: first.verdict,
        observed: 0,
        members: BTreeSet::new(),
        firing: BTreeSet::new(),
    };
    let mut early: BTreeMap<Who, i64> = BTreeMap::new();
    for heard in all {
        let signal = match heard {
            Heard::Said(signal) => signal,
            Heard::Left(who) => {
                facts.members.remove(who);
                facts.firing.remove(who);
                facts.observed += early.remove(who).unwrap_or(0);
                continue;
            }
        };
        let who = Who::of(signal);
        match signal.news {
            News::Early => {
                facts.goes_on(first, signal);
                early.insert(who, signal.events);
            }
            News::Fired | News::Holds => {
                facts.goes_on(first, signal);
                early.remove(&who);
                facts.observed += signal.events;
            }
            News::Resolved | News::NewNormal => {
                facts.firing.remove(&who);
                early.remove(&who);
            }
            News::Withdrawn => {
                facts.members.remove(&who);
                facts.firing.remove(&who);
                early.remove(&who);
            }
            News::Revised => facts.revise(first, signal),
        }
    }
    facts.observed += early.values().sum::<i64>();
    facts
}

impl Facts {
    fn goes_on(&mut self, first: &Signal, signal: &Signal) {
        let who = Who::of(signal);
        self.members.insert(who.clone());
        // Nothing says when news of one moment is over.
        let is_moment = matches!(signal.kind, AlertKind::FirstSeen | AlertKind::Regression);
        if signal.news == News::Fired && is_moment {
            self.firing.remove(&who);
        } else {
            self.firing.insert(who);
        }
        self.issue = signal.issue;
        self.last = self.last.max(signal.bucket);
        if signal.verdict.surprise_milli > self.peak.surprise_milli {
            self.peak = signal.verdict;
        }
        let leads = signal.fingerprint == first.fingerprint && signal.bucket == first.bucket;
        if signal.news == News::Fired && leads {
            self.kind = signal.kind;
            self.explanation = signal.explanation.clone();
            self.peak = signal.verdict;
        }
    }

    fn revise(&mut self, first: &Signal, signal: &Signal) {
        if (first.bucket..=self.last).contains(&signal.bucket) {
            self.observed += signal.events;
            if signal.bucket <= self.peak.bucket {
                self.peak.observed += signal.events;
            }
        }
    }
}

/// Alerts that began together, and all that was told of them.
#[derive(Clone, Debug)]
struct Group {
    service: Arc<str>,
    start: Bucket,
    alerts: BTreeMap<AlertKey, Cause>,
    ended: Option<EventTime>,
    wakes: bool,
    /// Each notice, how many alerts it was about, and whether it was told because something woke up.
    told: Vec<(Transition, EventTime, usize, bool)>,
}

impl Group {
    fn is_open(&self) -> bool {
        self.alerts.values().any(|alert| alert.state().is_open())
    }

    fn count(&self) -> usize {
        let stands = |alert: &&Cause| alert.state() != AlertState::Retracted;
        self.alerts.values().filter(|alert| alert.is_audible()).filter(stands).count()
    }

    /// Whether its end was told, and nothing since.
    fn is_end_told(&self) -> bool {
        use Transition::{Fired, Reopened, Resolved, Retracted};
        let decisive = [Fired, Reopened, Resolved, Retracted];
        let last = self.told.iter().rev().find(|told| decisive.contains(&told.0));
        last.is_some_and(|told| matches!(told.0, Resolved | Retracted))
    }

    /// Whether people are to be reminded.
    fn is_due(&self, now: EventTime, reminders: &[HumanDuration]) -> bool {
        use Transition::{Fired, Reminder, Reopened};
        let since = |told: &&(Transition, EventTime, usize, bool)| {
            matches!(told.0, Fired | Reopened | Reminder)
        };
        let Some(last) = self.told.iter().rev().find(since) else { return false };
        let begun = self.told.iter().rposition(|told| matches!(told.0, Fired | Reopened));
        let reminded = self.told[begun.unwrap_or(0)..]
            .iter()
            .filter(|(what, _, _, woke)| *what == Reminder && !woke)
            .count();
        let step = reminders.get(reminded).or(reminders.last());
        step.is_some_and(|step| now.secs() - last.1.secs() >= step.as_secs() as i64)
    }

    fn tell(&mut self, key: AlertKey, transition: Transition, now: EventTime) -> Notice {
        let mut alerts: Vec<Alert> = Vec::new();
        for (key, alert) in self.alerts.iter_mut().filter(|(_, alert)| alert.is_audible()) {
            let observed = alert.facts.observed;
            if transition == Transition::Amended && alert.told.is_some_and(|told| told != observed)
            {
                alert.told_before = alert.told;
                alert.told = Some(observed);
            }
            alerts.push(alert.shown(*key));
        }
        alerts.sort_by_key(|alert| {
            (!alert.details.state.is_open(), -alert.peak.surprise_milli, alert.key)
        });
        let more = alerts.len().saturating_sub(20) as u32;
        alerts.truncate(20);
        for alert in &alerts {
            self.alerts.get_mut(&alert.key).unwrap().told = Some(alert.observed);
        }
        let count = self.count();
        self.told.push((transition, now, count, self.wakes));
        let number = self.told.len() as u32;
        let id = NoticeId::new(key, number);
        Notice { id, incident: key, number, transition, at: now, alerts, more }
    }

    /// Decides what people are told.
    fn decide(&mut self, key: AlertKey, now: EventTime, config: &AlertConfig) -> Vec<Notice> {
        let mut notices = Vec::new();
        let is_open = self.is_open();
        let end = |alert: &Cause| alert.facts.last.0 + i64::from(alert.first.bucket_secs);
        let ended = self.alerts.values().map(end).max().unwrap_or(0);
        let is_stale = !is_open && self.told.is_empty() && now.secs() - ended > HOUR;
        let begun = |told: &&(Transition, EventTime, usize, bool)| {
            matches!(told.0, Transition::Fired | Transition::Reopened)
        };
        let told = self.told.iter().filter(begun).map(|told| told.2).max().unwrap_or(0);
        let mut audible = self.alerts.values().filter(|alert| alert.is_audible());
        if self.is_end_told() && audible.any(|alert| alert.state().is_open()) {
            notices.push(self.tell(key, Transition::Reopened, now));
        } else if self.count() > told && !is_stale {
            notices.push(self.tell(key, Transition::Fired, now));
        }
        let mut audible = self.alerts.values().filter(|alert| alert.is_audible());
        let fires = audible.any(|alert| alert.state() == AlertState::Firing);
        let mut audible = self.alerts.values().filter(|alert| alert.is_audible());
        let amended = audible.any(Cause::is_amended);
        let retracted = |alert: &Cause| alert.state() == AlertState::Retracted;
        if self.told.is_empty() {
            // Nobody knows of it.
        } else if !is_open && !self.is_end_told() {
            let never_was = self.alerts.values().all(retracted);
            let end = if never_was { Transition::Retracted } else { Transition::Resolved };
            notices.push(self.tell(key, end, now));
        } else if !is_open && amended {
            notices.push(self.tell(key, Transition::Amended, now));
        } else if is_open && fires && (self.wakes || self.is_due(now, &config.reminders)) {
            notices.push(self.tell(key, Transition::Reminder, now));
        }
        self.wakes = false;
        notices
    }
}

/// See the module.
struct Model {
    config: AlertConfig,
    groups: BTreeMap<AlertKey, Group>,
    silences: Vec<Silence>,
    deploys: Vec<Deploy>,
    passed: EventTime,
    /// What the engine's clock showed last.
    now: EventTime,
    bucket_secs: i64,
    /// Every alert ever, as it was last seen.
    alerts: BTreeMap<AlertKey, Alert>,
    notices: Vec<Notice>,
}

impl Model {
    fn new(config: AlertConfig) -> Model {
        Model {
            config,
            groups: BTreeMap::new(),
            silences: Vec::new(),
            deploys: Vec::new(),
            passed: EventTime::default(),
            now: EventTime::default(),
            bucket_secs: 0,
            alerts: BTreeMap::new(),
            notices: Vec::new(),
        }
    }

    /// One epoch; returns what people are told.
    fn epoch(&mut self, epoch: &Epoch) -> Vec<Notice> {
        let beats = epoch.controls.iter().filter_map(|control| match control {
            Control::Beat { now, is_behind: false } => Some(*now),
            _ => None,
        });
        self.now = self.now.max(beats.max().unwrap_or_default());
        let mut signals = epoch.signals.clone();
        signals.sort();
        for signal in &signals {
            self.bucket_secs = i64::from(signal.bucket_secs);
            self.pass_until(at(signal.bucket.0 + self.bucket_secs));
            self.hear(signal);
        }
        self.pass_until(self.now);
        let mut controls = epoch.controls.clone();
        controls.sort();
        for control in controls {
            if let Control::Command { at, command } = control {
                self.obey(at, command);
            }
        }
        self.instant(self.now);
        for (key, group) in &mut self.groups {
            self.notices.extend(group.decide(*key, self.now, &self.config));
        }
        self.look();
        std::mem::take(&mut self.notices)
    }

    fn look(&mut self) {
        for group in self.groups.values() {
            self.alerts.extend(group.alerts.iter().map(|(key, alert)| (*key, alert.shown(*key))));
        }
    }

    /// Every bucket end before an instant passes.
    fn pass_until(&mut self, end: EventTime) {
        if self.groups.is_empty() {
            self.passed = self.passed.max(at(end.secs() - 1));
        }
        let size = self.bucket_secs.max(1);
        let mut next = at((self.passed.secs().div_euclid(size) + 1) * size);
        while next < end {
            self.instant(next);
            next = at(next.secs() + size);
        }
    }

    fn instant(&mut self, now: EventTime) {
        self.passed = now;
        for group in self.groups.values_mut() {
            for alert in group.alerts.values_mut() {
                let silence = silenced(&self.silences, alert, now);
                alert.silence = silence;
                group.wakes |= alert.settle(now, &self.config);
            }
            group.ended = if group.is_open() { None } else { group.ended.or(Some(now)) };
        }
        self.silences.retain(|silence| now < silence.until);
        let is_old =
            |group: &Group| group.ended.is_some_and(|ended| now.secs() - ended.secs() > 6 * HOUR);
        for (key, group) in self.groups.iter_mut().filter(|(_, group)| is_old(group)) {
            self.notices.extend(group.decide(*key, self.now, &self.config));
        }
        if self.groups.values().any(is_old) {
            self.look();
        }
        self.groups.retain(|_, group| !is_old(group));
    }

    fn hear(&mut self, signal: &Signal) {
        let who = Who::of(signal);
        let holds = |alert: &Cause| alert.facts.members.contains(&who);
        let mut all = self.groups.iter().flat_map(|(key, group)| {
            group.alerts.iter().map(move |(alert_key, alert)| ((*key, *alert_key), alert))
        });
        let before = all.clone().find(|(_, alert)| holds(alert));
        // That the bucket as a whole says what a part of it said is no news to who has ended it.
        let is_known = before.is_some_and(|(_, alert)| {
            let covers = alert.first.bucket..=alert.facts.last;
            alert.is_ended_by_person && covers.contains(&signal.bucket)
        });
        if !matches!((signal.news, is_known), (News::Early, _) | (News::Fired, false)) {
            if let Some((place, _)) = before {
                self.alert(place).hear(signal);
            }
            return;
        }
        let reopen = self.config.reopen.as_secs() as i64;
        let takes_up = |alert: &Cause| alert.takes_up(signal, reopen);
        let found = before
            .filter(|(_, alert)| takes_up(alert))
            .or_else(|| all.find(|(_, alert)| alert.is_about(signal) && takes_up(alert)))
            .map(|(place, _)| place);
        let before = before.map(|(place, _)| place);
        let place = found.unwrap_or_else(|| self.begin(signal));
        if let Some(before) = before.filter(|before| *before != place) {
            self.alert(before).note(Heard::Left(who));
        }
        self.alert(place).hear(signal);
    }

    fn alert(&mut self, (group, alert): (AlertKey, AlertKey)) -> &mut Cause {
        self.groups.get_mut(&group).unwrap().alerts.get_mut(&alert).unwrap()
    }

    /// Makes room for a new alert.
    fn begin(&mut self, signal: &Signal) -> (AlertKey, AlertKey) {
        let key = key_of(signal);
        let is_silence = signal.kind == AlertKind::GoneQuiet;
        let end = signal.bucket.0 + i64::from(signal.bucket_secs);
        let is_near = |deploy: &&Deploy| {
            (deploy.service.is_empty() || deploy.service == signal.service)
                && (end - DAY..=end).contains(&deploy.at.secs())
        };
        let deploy = self.deploys.iter().filter(is_near).max_by_key(|deploy| deploy.at).cloned();
        let is_whole = |alert: &Cause| {
            alert.state().is_open()
                && alert.first.level == AlertLevel::Service
                && !alert.is_silence()
        };
        let joins = |group: &Group| {
            let since = signal.bucket.0 - group.start.0;
            group.is_open()
                && group.service == signal.service
                && ((0..=i64::from(signal.bucket_secs)).contains(&since)
                    || !is_silence && group.alerts.values().any(is_whole))
        };
        let found = self.groups.iter().find(|(_, group)| joins(group)).map(|(key, _)| *key);
        let incident = found.unwrap_or(key);
        if found.is_none() {
            let group = Group {
                service: signal.service.clone(),
                start: signal.bucket,
                alerts: BTreeMap::new(),
                ended: None,
                wakes: false,
                told: Vec::new(),
            };
            self.groups.insert(incident, group);
        }
        let group = self.groups.get_mut(&incident).unwrap();
        group.alerts.insert(key, Cause::new(signal, incident, deploy));
        (incident, key)
    }

    fn obey(&mut self, at: EventTime, command: Command) {
        match command {
            Command::Acknowledge { alert, by, comment } => {
                let said = (AlertState::Acknowledged, None, by, comment);
                self.decided(at, alert, said, Some(Transition::Acknowledged));
            }
            Command::Snooze { alert, until, by, comment } => {
                let said = (AlertState::Snoozed, Some(until), by, comment);
                self.decided(at, alert, said, Some(Transition::Snoozed));
            }
            Command::Resolve { alert, by, comment } => {
                self.decided(at, alert, (AlertState::Resolved, None, by, comment), None);
            }
            Command::Silence(silence) => {
                self.silences.retain(|known| known.id != silence.id);
                self.silences.push(silence);
                self.silences.sort_by_key(|silence| (silence.until, silence.id.clone()));
                let many = self.silences.len().saturating_sub(1_000);
                self.silences.drain(..many);
            }
            Command::Unsilence { id } => self.silences.retain(|silence| silence.id != id),
            Command::Deploy(deploy) => self.deploys.push(deploy),
        }
    }

    fn decided(
        &mut self,
        at: EventTime,
        alert: AlertKey,
        (state, until, by, comment): (AlertState, Option<EventTime>, Arc<str>, Arc<str>),
        transition: Option<Transition>,
    ) {
        let mut groups = self.groups.iter_mut();
        let Some((key, group)) = groups.find(|(_, group)| group.alerts.contains_key(&alert)) else {
            return;
        };
        let is_open = group.is_open();
        for alert in group.alerts.values_mut().filter(|alert| alert.state().is_open()) {
            alert.changes.push((state, Some(at)));
            alert.until = until;
            alert.by = Some(by.clone());
            alert.comment = Some(comment.clone());
            alert.is_ended_by_person = state == AlertState::Resolved;
        }
        if let Some(transition) = transition.filter(|_| is_open && !group.told.is_empty()) {
            self.notices.push(group.tell(*key, transition, at));
        }
    }
}

/// Returns the silence that an alert is under.
fn silenced(silences: &[Silence], alert: &Cause, now: EventTime) -> Option<Arc<str>> {
    let facts = &alert.facts;
    let names = [facts.issue.to_string(), alert.first.fingerprint.to_string()];
    let matches = |silence: &&Silence| {
        (silence.from..silence.until).contains(&now)
            && silence.service.as_ref().is_none_or(|service| *service == alert.first.service)
            && silence.kind.is_none_or(|kind| kind == facts.kind)
            && silence.about.as_ref().is_none_or(|about| names.contains(&about.to_string()))
    };
    silences.iter().filter(matches).map(|silence| silence.id.clone()).min()
}
