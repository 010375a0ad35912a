//! The state machine behind `alert`: signals and controls in, alerts and notices out.
//!
//! Signals of an epoch are taken in order of their buckets, and time passes in between from the end of one bucket to the
//! next: a catch-up over days leaves the same alerts as days of beats. Then comes what people decided. What they
//! are told follows from how an incident stands afterwards and what was told before, so that a thousand
//! signals of a catch-up make one notice of an incident at most, and none of what was over an hour before anybody could
//! hear of it.

use super::AlertConfig;
use super::incident::{Incident, Live, Subject, key_of};
use crate::view::View;
use engine::component::Recovered;
use engine::model::{
    Alert, AlertKey, AlertKind, AlertLevel, AlertState, Command, Control, Decision, Deed, Deploy,
    EventTime, Fingerprint, IssueId, News, Notice, Signal, Silence, Transition,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The version of what is stored.
pub const VERSION: u32 = 2;
/// How long an incident that ended is remembered: so long can late events correct it.
pub const KEPT_SECS: i64 = 6 * 3600;
/// What was over for so long when it was noticed is recorded and not told.
pub const STALE_SECS: i64 = 3600;
/// Silences that can hold at the same time; of more, those that end first go.
pub const SILENCES_MAX: usize = 1_000;
/// Deploys that are remembered.
pub const DEPLOYS_MAX: usize = 1_000;
/// How long before an alert a deploy of its service is shown with it.
const DEPLOY_SECS: i64 = 24 * 3600;

/// What the operator hears. Within an epoch in this order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Row {
    /// News of a series.
    Signal(Box<Signal>),
    /// Time, or what people decide.
    Control(Control),
}

/// What it says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Told {
    /// An alert as it stands now.
    Alert(Box<Alert>),
    /// What people are to be told.
    Notice(Box<Notice>),
    /// What to store under a key; nothing forgets it.
    State(Arc<str>, Option<Vec<u8>>),
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Book {
    config: AlertConfig,
    now: EventTime,
    /// What is stored of that.
    kept: EventTime,
    /// Up to when time has passed for incidents; behind `now` within an epoch only.
    clock: EventTime,
    /// Incidents of which somebody's snooze has ended in this epoch.
    woken: BTreeSet<AlertKey>,
    /// Alerts whose state signals have changed since an instant passed.
    turned: BTreeSet<(AlertKey, AlertKey)>,
    /// Incidents that were forgotten in this epoch.
    forgotten: BTreeMap<AlertKey, Incident>,
    incidents: BTreeMap<AlertKey, Incident>,
    /// The incident and the alert of each subject that is remembered.
    places: BTreeMap<Subject, (AlertKey, AlertKey)>,
    silences: BTreeMap<Arc<str>, Silence>,
    deploys: Vec<Deploy>,
    signals: Vec<Signal>,
    commands: Vec<(EventTime, Command)>,
    told: Vec<Told>,
    stored: BTreeMap<Arc<str>, Option<Vec<u8>>>,
}

impl Book {
    /// Returns a book in which nothing stands yet.
    pub fn new(config: AlertConfig) -> Book {
        Book { config, ..Book::default() }
    }

    /// Returns the book that a node stored.
    pub fn recovered(config: AlertConfig, node: &str, recovered: &Recovered) -> Book {
        let mut book = Book::new(config);
        for ((_, key), value) in recovered.state.iter().filter(|((of, _), _)| &**of == node) {
            // The version has been compared before; a row that cannot be read all the same is left out.
            let _unreadable = book.read(key, value);
        }
        for (incident, stands) in &book.incidents {
            for (alert, live) in &stands.alerts {
                let places = live.subjects.keys().map(|of| (of.clone(), (*incident, *alert)));
                book.places.extend(places);
            }
        }
        book
    }

    fn read(&mut self, key: &str, value: &[u8]) -> Option<()> {
        match key.split_once('/') {
            None if key == "now" => {
                self.now = from_bytes(value)?;
                (self.clock, self.kept) = (self.now, self.now);
            }
            None if key == "deploys" => self.deploys = from_bytes(value)?,
            Some(("i", of)) => {
                self.incidents.insert(of.parse().ok()?, from_bytes(value)?);
            }
            Some(("s", id)) => {
                self.silences.insert(id.into(), from_bytes(value)?);
            }
            _ => return None,
        }
        Some(())
    }

    /// Takes one signal.
    fn signal(&mut self, signal: &Signal) {
        let subject = Subject::of(signal);
        let place = self.places.get(&subject).copied();
        let begins = match signal.news {
            News::Early => true,
            News::Fired => !place.is_some_and(|place| self.has_ended_by_hand(place, signal)),
            _ => false,
        };
        let place = place.filter(|place| !begins || self.takes(*place, signal));
        let place = match (place, begins) {
            (Some(place), _) => place,
            (None, true) => self.place_for(signal),
            (None, false) => return,
        };
        let (of, alert) = place;
        let Some(incident) = self.incidents.get_mut(&of) else { return };
        let Some(live) = incident.alerts.get_mut(&alert) else { return };
        let before = live.state();
        if signal.news == News::Revised {
            if live.covers(signal.bucket) && !live.revise(signal) {
                live.alert.details.state = AlertState::Retracted;
            }
        } else if live.by_hand && !begins {
            return;
        } else {
            live.take(signal);
        }
        if begins {
            live.calm_since = None;
            if !live.state().is_open() {
                live.alert.details.state = AlertState::Firing;
                live.reopened += 1;
                incident.ended_at = None;
            }
        }
        if signal.news == News::Withdrawn {
            self.places.remove(&subject);
            if live.subjects.is_empty() {
                live.alert.details.state = AlertState::Retracted;
            }
        }
        if live.state() != before {
            self.turned.insert(place);
        }
        if begins
            && let Some(before) = self.places.insert(subject.clone(), place)
            && before != place
        {
            self.leave(before, &subject);
        }
    }

    /// Returns whether a person has ended what a signal is about: that the bucket as a whole says what a part of it said
    /// is no news.
    fn has_ended_by_hand(&self, (incident, alert): (AlertKey, AlertKey), signal: &Signal) -> bool {
        let live = self.incidents.get(&incident).and_then(|stands| stands.alerts.get(&alert));
        live.is_some_and(|live| live.by_hand && live.covers(signal.bucket))
    }

    /// What began another alert is no part of the one before: a subject has one place, also after a restart.
    fn leave(&mut self, (incident, alert): (AlertKey, AlertKey), of: &Subject) {
        let incident = self.incidents.get_mut(&incident);
        if let Some(live) = incident.and_then(|stands| stands.alerts.get_mut(&alert)) {
            // What it told early has been counted, and nothing will say more of it here.
            live.closed += live.subjects.remove(of).map_or(0, |stands| stands.early);
        }
    }

    /// Returns whether a subject that begins to fire goes on with an alert that it had before.
    fn takes(&self, (incident, alert): (AlertKey, AlertKey), signal: &Signal) -> bool {
        let live = self.incidents.get(&incident).and_then(|stands| stands.alerts.get(&alert));
        live.is_some_and(|live| self.goes_on_with(live, signal))
    }

    fn goes_on_with(&self, live: &Live, signal: &Signal) -> bool {
        if live.state().is_open() {
            return true;
        }
        let silent = signal.bucket.0 - live.alert.last.0;
        let same_kind = live.alert.details.kind == signal.kind || live.moment_until.is_none();
        let reopens = silent <= self.config.reopen.as_secs() as i64 && !live.by_hand && same_kind;
        live.state() == AlertState::Resolved && reopens
    }

    /// Returns the alert that something joins, or begins.
    fn place_for(&mut self, signal: &Signal) -> (AlertKey, AlertKey) {
        let secs = i64::from(signal.bucket_secs);
        for (of, incident) in &self.incidents {
            let mut alerts = incident.alerts.iter();
            let found = alerts
                .find(|(_, live)| is_same_cause(live, signal) && self.goes_on_with(live, signal));
            if let Some((alert, _)) = found {
                return (*of, *alert);
            }
        }
        let deploy = self.deploys.iter().rev().find(|deploy| {
            let ago = signal.bucket.0 + secs - deploy.at.secs();
            let of_service = deploy.service.is_empty() || deploy.service == signal.service;
            of_service && (0..=DEPLOY_SECS).contains(&ago)
        });
        let deploy = deploy.cloned();
        let joins = |incident: &Incident| {
            let begins_with = (0..=secs).contains(&(signal.bucket.0 - incident.began.0));
            incident.service == signal.service
                && incident.is_open()
                && (begins_with || incident.alerts.values().any(|live| is_part(live, signal)))
        };
        let key = key_of(signal);
        let joined = self.incidents.iter().find(|(_, incident)| joins(incident));
        let of = joined.map_or(key, |(of, _)| *of);
        let incident = self.incidents.entry(of).or_insert_with(|| Incident {
            service: Arc::clone(&signal.service),
            began: signal.bucket,
            ..Incident::default()
        });
        incident.alerts.insert(key, Live::begin(signal, of, deploy));
        (of, key)
    }

    fn command(&mut self, at: EventTime, command: Command) {
        match command {
            Command::Acknowledge { alert, by, comment } => {
                self.decide(alert, at, AlertState::Acknowledged, (by, comment), None);
            }
            Command::Snooze { alert, until, by, comment } => {
                self.decide(alert, at, AlertState::Snoozed, (by, comment), Some(until));
            }
            Command::Resolve { alert, by, comment } => {
                self.decide(alert, at, AlertState::Resolved, (by, comment), None);
            }
            Command::Issue(decision) => self.ignore(at, decision),
            Command::Group(_) | Command::Ungroup { .. } => {}
            Command::Silence(silence) => self.silence(silence),
            Command::Unsilence { id } => self.end_silence(&id),
            Command::Deploy(deploy) => {
                self.deploys.push(deploy);
                self.deploys.sort_by_key(|deploy| deploy.at);
                let surplus = self.deploys.len().saturating_sub(DEPLOYS_MAX);
                self.deploys.drain(..surplus);
                self.stored.insert("deploys".into(), Some(to_bytes(&self.deploys)));
            }
        }
    }

    /// Nobody hears of an issue that is ignored, until that ends.
    fn ignore(&mut self, at: EventTime, decision: Decision) {
        let Decision { issue, deed, by, comment } = decision;
        let id = format!("s_ignored_{issue}").into();
        match deed {
            Deed::Ignore { until } => self.silence(Silence {
                id,
                about: Some(issue.to_string().into()),
                from: at,
                until: until.unwrap_or(EventTime(i64::MAX)),
                by,
                comment,
                ..Silence::default()
            }),
            Deed::Resolve | Deed::Reopen => self.end_silence(&id),
            Deed::Assign { .. } | Deed::Comment => {}
        }
    }

    fn silence(&mut self, silence: Silence) {
        let row = (silence_key(&silence.id), Some(to_bytes(&silence)));
        self.stored.extend([row]);
        self.silences.insert(Arc::clone(&silence.id), silence);
        while self.silences.len() > SILENCES_MAX {
            let first = self.silences.values().min_by_key(|one| (one.until, &one.id));
            let Some(id) = first.map(|one| Arc::clone(&one.id)) else { break };
            self.end_silence(&id);
        }
    }

    fn end_silence(&mut self, id: &Arc<str>) {
        if self.silences.remove(id).is_some() {
            self.stored.insert(silence_key(id), None);
        }
    }

    /// A person decides about the incident of an alert.
    fn decide(
        &mut self,
        alert: AlertKey,
        at: EventTime,
        state: AlertState,
        (by, comment): (Arc<str>, Arc<str>),
        until: Option<EventTime>,
    ) {
        let of = self.incidents.iter().find(|(_, incident)| incident.alerts.contains_key(&alert));
        let Some(of) = of.map(|(of, _)| *of) else { return };
        let Some(incident) = self.incidents.get_mut(&of) else { return };
        let mut changed = false;
        let open = incident.alerts.iter_mut().filter(|(_, live)| live.state().is_open());
        for (key, live) in open {
            self.turned.remove(&(of, *key));
            let details = &mut live.alert.details;
            if details.fired_at == EventTime::default() {
                details.fired_at = at;
            }
            (details.state, details.until, details.changed_at) = (state, until, at);
            (details.by, details.comment) = (Some(Arc::clone(&by)), Some(Arc::clone(&comment)));
            live.by_hand |= state == AlertState::Resolved;
            changed = true;
        }
        if !changed {
            return;
        }
        let transition = match state {
            AlertState::Acknowledged => Transition::Acknowledged,
            AlertState::Snoozed => Transition::Snoozed,
            // The end is told like any other.
            _ => return,
        };
        if incident.told > 0 {
            let notice = incident.notice(of, transition, at);
            self.told.push(Told::Notice(Box::new(notice)));
        }
    }

    /// Lets time pass up to an instant, as it does for an engine that is awake at the end of each bucket.
    fn pass(&mut self, until: EventTime) {
        while let Some(end) = self.next_end().filter(|end| *end < until) {
            self.settle(end);
            self.forget(end);
        }
    }

    /// Returns the end of the next bucket, while anything is remembered.
    fn next_end(&self) -> Option<EventTime> {
        let mut alerts = self.incidents.values().flat_map(|incident| incident.alerts.values());
        let secs = i64::from(alerts.next()?.alert.bucket_secs).max(1);
        Some(EventTime::from_secs((self.clock.secs().div_euclid(secs) + 1) * secs))
    }

    /// Lets incidents be as they are at an instant.
    fn settle(&mut self, at: EventTime) {
        self.clock = at;
        for (of, incident) in &mut self.incidents {
            for (key, live) in &mut incident.alerts {
                let before = live.state();
                let mut turns = self.turned.remove(&(*of, *key));
                live.settle(at, &self.config);
                live.alert.details.silence = silenced(&self.silences, &live.alert, at);
                if before == AlertState::Snoozed && live.state() == AlertState::Firing {
                    self.woken.insert(*of);
                }
                turns |= before != live.state();
                let details = &mut live.alert.details;
                if turns {
                    details.changed_at = at;
                }
                if turns && details.fired_at == EventTime::default() {
                    details.fired_at = at;
                }
            }
            match incident.is_open() {
                true => incident.ended_at = None,
                false => _ = incident.ended_at.get_or_insert(at),
            }
        }
    }

    /// Forgets what ended long before an instant, when everything is told of it.
    fn forget(&mut self, at: EventTime) {
        let is_over = |incident: &Incident| {
            incident.ended_at.is_some_and(|ended| at.secs() - ended.secs() > KEPT_SECS)
        };
        let over = self.incidents.iter().filter(|(_, incident)| is_over(incident));
        for of in over.map(|(of, _)| *of).collect::<Vec<_>>() {
            self.tell_news(of);
            self.places.retain(|_, (incident, _)| *incident != of);
            self.forgotten.extend(self.incidents.remove_entry(&of));
        }
    }

    /// Tells what people are to hear of an incident now.
    fn tell_news(&mut self, of: AlertKey) {
        let Some(incident) = self.incidents.get_mut(&of) else { return };
        let steps: Vec<i64> =
            self.config.reminders.iter().map(|step| step.as_secs() as i64).collect();
        let notices = incident.news(of, self.now, &steps, self.woken.contains(&of));
        self.told.extend(notices.into_iter().map(|notice| Told::Notice(Box::new(notice))));
    }

    /// Stores what has changed.
    fn keep(&mut self, before: &BTreeMap<AlertKey, Incident>) {
        let forgotten = std::mem::take(&mut self.forgotten);
        for (of, incident) in forgotten.iter().chain(&self.incidents) {
            let was = before.get(of);
            for (alert, live) in &incident.alerts {
                let old = was.and_then(|was| was.alerts.get(alert));
                if old.is_none_or(|old| old.alert != live.alert) {
                    self.told.push(Told::Alert(Box::new(live.alert.clone())));
                }
            }
            let key: Arc<str> = format!("i/{of}").into();
            if forgotten.contains_key(of) {
                self.stored.insert(key, None);
            } else if was != Some(incident) {
                self.stored.insert(key, Some(to_bytes(incident)));
            }
        }
        let now = self.now;
        let ended: Vec<Arc<str>> = self
            .silences
            .values()
            .filter(|silence| silence.until <= now)
            .map(|silence| Arc::clone(&silence.id))
            .collect();
        ended.iter().for_each(|id| self.end_silence(id));
    }
}

impl View for Book {
    type Row = Row;
    type Told = Told;

    fn change(&mut self, row: Row, _n: isize) {
        match row {
            Row::Signal(signal) => self.signals.push(*signal),
            // Until sources have caught up, nothing is known of the time that has passed.
            Row::Control(Control::Beat { is_behind: true, .. }) => {}
            Row::Control(Control::Beat { now, .. }) => self.now = self.now.max(now),
            Row::Control(Control::Command { at, command }) => self.commands.push((at, command)),
        }
    }

    fn tell(&mut self) -> Vec<(Told, isize)> {
        // Few incidents are remembered at a time.
        let before = self.incidents.clone();
        for signal in std::mem::take(&mut self.signals) {
            let end = signal.bucket.0 + i64::from(signal.bucket_secs);
            self.pass(EventTime::from_secs(end));
            self.clock = self.clock.max(signal.bucket.start());
            self.signal(&signal);
        }
        self.pass(self.now);
        for (at, command) in std::mem::take(&mut self.commands) {
            self.command(at, command);
        }
        self.settle(self.now);
        let all: Vec<AlertKey> = self.incidents.keys().copied().collect();
        all.into_iter().for_each(|of| self.tell_news(of));
        self.woken.clear();
        self.forget(self.now);
        self.keep(&before);
        // Where time stands is a part of how incidents stand: what a late signal turns, turns at the next instant.
        if self.now != self.kept && !(self.incidents.is_empty() && before.is_empty()) {
            self.stored.insert("now".into(), Some(to_bytes(&self.now)));
            self.kept = self.now;
        }
        let rows = std::mem::take(&mut self.stored).into_iter();
        let rows = rows.map(|(key, value)| Told::State(key, value));
        let told = std::mem::take(&mut self.told);
        told.into_iter().chain(rows).map(|told| (told, 1)).collect()
    }
}

/// Returns whether an alert is about what a signal is about: an issue, whatever of it convinces, or a service; a silence
/// is never a burst.
fn is_same_cause(live: &Live, signal: &Signal) -> bool {
    let details = &live.alert.details;
    let [is_service, is_of_service] =
        [details.level, signal.level].map(|level| level == AlertLevel::Service);
    let [is_silence, is_of_silence] =
        [details.kind, signal.kind].map(|kind| kind == AlertKind::GoneQuiet);
    is_service == is_of_service
        && is_silence == is_of_silence
        && match is_service {
            true => details.service == signal.service,
            false => live.alert.issue == signal.issue,
        }
}

/// Returns whether what begins is a part of a service that has been unusual as a whole until now.
fn is_part(live: &Live, signal: &Signal) -> bool {
    let details = &live.alert.details;
    let is_burst = |kind| kind != AlertKind::GoneQuiet;
    details.level == AlertLevel::Service
        && live.state().is_open()
        && is_burst(details.kind)
        && is_burst(signal.kind)
}

/// Returns the deploys that a node has stored, by their instants.
pub fn stored_deploys(node: &str, recovered: &Recovered) -> Vec<Deploy> {
    let row = recovered.state.get(&(Arc::from(node), Arc::from("deploys")));
    row.and_then(|row| from_bytes(row)).unwrap_or_default()
}

/// Returns the silence that keeps an alert from being told, if there is one.
fn silenced(
    silences: &BTreeMap<Arc<str>, Silence>,
    alert: &Alert,
    now: EventTime,
) -> Option<Arc<str>> {
    let is_about = |about: &str, issue: IssueId, lead: Fingerprint| {
        about == issue.to_string() || about == lead.to_string()
    };
    let matches = |silence: &&Silence| {
        let details = &alert.details;
        (silence.from..silence.until).contains(&now)
            && silence.service.as_ref().is_none_or(|service| *service == details.service)
            && silence.kind.is_none_or(|kind| kind == details.kind)
            && silence.about.as_ref().is_none_or(|about| is_about(about, alert.issue, details.lead))
    };
    silences.values().find(matches).map(|silence| Arc::clone(&silence.id))
}

fn silence_key(id: &str) -> Arc<str> {
    format!("s/{id}").into()
}

fn to_bytes(value: &impl Serialize) -> Vec<u8> {
    // Numbers, texts and maps with texts for keys always have a form.
    serde_json::to_vec(value).unwrap_or_default()
}

fn from_bytes<T: DeserializeOwned>(value: &[u8]) -> Option<T> {
    serde_json::from_slice(value).ok()
}
