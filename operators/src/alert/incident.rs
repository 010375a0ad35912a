//! An incident: the alerts that began together in one service, and how they go on. What they have in common is
//! whether people are told: that is decided in [`super::book`].

use engine::model::{
    Alert, AlertDetails, AlertKey, AlertKind, AlertLevel, AlertState, Bucket, Deploy, EventTime,
    News, Notice, NoticeId, Signal, Transition, Verdict,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Buckets after which what was news in one moment is over.
pub const MOMENT_BUCKETS: i64 = 12;
/// How long a silence is news: what is quiet for longer has ended, or somebody knows.
pub const SILENCE_SECS: i64 = 86_400;
/// Calm that is asked for of an alert that began again once; doubled each time, up to a most.
const FLAP_CALM_SECS: i64 = 900;
const FLAP_CALM_MAX_SECS: i64 = 2 * 3600;
/// What late events must change of a told size to be told: a fifth, and so many events.
const AMENDED_RATIO: i64 = 5;
const AMENDED_EVENTS: i64 = 4;
/// The least effect of an alert that stands: twice the expected, and so many more.
const STANDS_RATIO: i64 = 2;
const STANDS_MILLI: i64 = 4_000;

/// What signals are about: a fingerprint, the members of an issue together, a whole service, or the silence of one of
/// them. As text, since it is a key of what is stored.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Subject(Arc<str>);

impl Subject {
    /// Returns what a signal is about.
    pub fn of(signal: &Signal) -> Subject {
        let silence = if signal.kind == AlertKind::GoneQuiet { "silence of " } else { "" };
        let name = match signal.level {
            AlertLevel::Fingerprint => format!("{silence}{}", signal.fingerprint),
            AlertLevel::Issue => format!("{silence}{}", signal.issue),
            AlertLevel::Service => format!("{silence}service {}", signal.service),
        };
        Subject(name.into())
    }
}

/// How a subject of an alert stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stands {
    /// Whether it fires.
    pub fires: bool,
    /// Events of the open bucket that were told early.
    pub early: i64,
}

/// An alert and what it is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Live {
    /// The alert.
    pub alert: Alert,
    /// What it is about.
    pub subjects: BTreeMap<Subject, Stands>,
    /// Events of its closed buckets.
    pub closed: i64,
    /// When nothing was unusual any more.
    pub calm_since: Option<EventTime>,
    /// The bucket at which it is over, if it is news of one moment; at the latest, if it is a silence.
    pub moment_until: Option<Bucket>,
    /// Whether a person ended it.
    pub by_hand: bool,
    /// What was told of its size last.
    pub told: Option<i64>,
    /// How often it began again: who comes and goes must be calm for longer.
    pub reopened: u32,
}

impl Live {
    /// Returns the alert that a signal begins.
    pub fn begin(signal: &Signal, incident: AlertKey, deploy: Option<Deploy>) -> Live {
        let key = key_of(signal);
        let details = AlertDetails {
            incident,
            kind: signal.kind,
            level: signal.level,
            state: AlertState::Pending,
            lead: signal.fingerprint,
            service: Arc::clone(&signal.service),
            deploy,
            explanation: signal.explanation.clone(),
            ..AlertDetails::default()
        };
        Live {
            alert: Alert {
                key,
                issue: signal.issue,
                start: signal.bucket,
                last: signal.bucket,
                bucket_secs: signal.bucket_secs,
                peak: signal.verdict,
                observed: 0,
                details,
            },
            subjects: BTreeMap::new(),
            closed: 0,
            calm_since: None,
            moment_until: moment_until(signal),
            by_hand: false,
            told: None,
            reopened: 0,
        }
    }

    /// Returns where it stands.
    pub fn state(&self) -> AlertState {
        self.alert.details.state
    }

    /// Takes note of a signal about one of its subjects.
    pub fn take(&mut self, signal: &Signal) {
        let subject = Subject::of(signal);
        let stands = self.subjects.entry(subject.clone()).or_default();
        match signal.news {
            News::Early => *stands = Stands { fires: true, early: signal.events },
            News::Fired | News::Holds => {
                // What the whole bucket says stands for what a part of it said.
                if signal.news == News::Fired
                    && signal.fingerprint == self.alert.details.lead
                    && signal.bucket == self.alert.start
                {
                    self.moment_until = moment_until(signal);
                    self.alert.details.kind = signal.kind;
                    self.alert.details.explanation = signal.explanation.clone();
                    self.alert.peak = signal.verdict;
                }
                // Nothing says when news of one moment is over.
                let fires = signal.news == News::Holds || !is_of_a_moment(signal.kind);
                *stands = Stands { fires, early: 0 };
                self.closed += signal.events;
            }
            News::Resolved | News::NewNormal => *stands = Stands::default(),
            News::Withdrawn => _ = self.subjects.remove(&subject),
            News::Revised => return,
        }
        if matches!(signal.news, News::Early | News::Fired | News::Holds) {
            self.alert.issue = signal.issue;
            self.alert.last = self.alert.last.max(signal.bucket);
            self.strengthen(signal.verdict);
        }
        self.count();
    }

    /// Takes note of events of one of its buckets that came late. Returns whether it stands all the same.
    pub fn revise(&mut self, signal: &Signal) -> bool {
        self.closed += signal.events;
        self.count();
        let peak = &mut self.alert.peak;
        if signal.bucket <= peak.bucket {
            peak.observed += signal.events;
        }
        let excess = 1000 * peak.observed - peak.expected_milli;
        excess >= STANDS_MILLI && 1000 * peak.observed >= STANDS_RATIO * peak.expected_milli
    }

    /// Returns whether a bucket is one of its own.
    pub fn covers(&self, bucket: Bucket) -> bool {
        (self.alert.start..=self.alert.last).contains(&bucket)
    }

    /// Returns whether any of its subjects still fires, or its moment has not passed.
    pub fn goes_on(&self, now: EventTime) -> bool {
        let fires = self.subjects.values().any(|stands| stands.fires);
        let is_silence = self.alert.details.kind == AlertKind::GoneQuiet;
        match self.moment_until.map(|until| now < until.start()) {
            Some(in_moment) if is_silence => fires && in_moment,
            Some(in_moment) => fires || in_moment,
            None => fires,
        }
    }

    /// Returns whether late events have changed what was told of its size by much.
    pub fn is_amended(&self, told: i64) -> bool {
        let change = (self.alert.observed - told).abs();
        change >= AMENDED_EVENTS && change * AMENDED_RATIO >= told
    }

    /// Returns whether people may hear of it: it is not silenced and past pending.
    fn is_audible(&self) -> bool {
        self.alert.details.silence.is_none() && self.state() != AlertState::Pending
    }

    fn strengthen(&mut self, verdict: Verdict) {
        if verdict.surprise_milli > self.alert.peak.surprise_milli {
            self.alert.peak = verdict;
        }
    }

    fn count(&mut self) {
        let early: i64 = self.subjects.values().map(|stands| stands.early).sum();
        self.alert.observed = self.closed + early;
    }
}

/// Returns whether something is news of one moment, which just passes.
fn is_of_a_moment(kind: AlertKind) -> bool {
    matches!(kind, AlertKind::Regression | AlertKind::FirstSeen)
}

/// Returns when what a signal begins is over at the latest, if that depends on its beginning.
fn moment_until(signal: &Signal) -> Option<Bucket> {
    let secs = match signal.kind {
        AlertKind::GoneQuiet => SILENCE_SECS,
        kind if is_of_a_moment(kind) => MOMENT_BUCKETS * i64::from(signal.bucket_secs),
        _ => return None,
    };
    Some(Bucket(signal.bucket.0 + secs))
}

/// Returns the key of the alert that a signal begins. That of a whole, or of a silence, is never that of the fingerprint
/// that leads it.
pub fn key_of(signal: &Signal) -> AlertKey {
    let is_silence = signal.kind == AlertKind::GoneQuiet;
    match (signal.level, is_silence) {
        (AlertLevel::Fingerprint, false) => AlertKey::new(signal.fingerprint, signal.bucket),
        _ => {
            let start = signal.bucket.0.to_be_bytes();
            AlertKey::of(&[Subject::of(signal).0.as_bytes(), &start])
        }
    }
}

/// Alerts that began together; see the module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// Its alerts, by key.
    pub alerts: BTreeMap<AlertKey, Live>,
    /// Their service.
    pub service: Arc<str>,
    /// The bucket in which it began.
    pub began: Bucket,
    /// How many notices were told.
    pub number: u32,
    /// Alerts whose beginning was told.
    pub told: u32,
    /// When the last notice was told of something that goes on, and how many reminders since.
    pub reminded_at: Option<EventTime>,
    /// How many reminders were told.
    pub reminders: u32,
    /// Whether its end was told.
    pub told_end: bool,
    /// When all of it was over; nothing while it goes on.
    pub ended_at: Option<EventTime>,
}

impl Incident {
    /// Returns whether any of its alerts is open.
    pub fn is_open(&self) -> bool {
        self.alerts.values().any(|live| live.state().is_open())
    }

    /// Returns the alerts that people may hear of: not silenced and past pending.
    pub fn audible(&self) -> impl Iterator<Item = &Live> {
        self.alerts.values().filter(|live| live.is_audible())
    }

    /// Returns its alerts as a notice shows them: the strongest first.
    pub fn shown(&self) -> Vec<Alert> {
        let mut shown: Vec<Alert> = self.audible().map(|live| live.alert.clone()).collect();
        shown.sort_by_key(|alert| {
            let closed = !alert.details.state.is_open();
            (closed, -alert.peak.surprise_milli, alert.key)
        });
        shown
    }
}

impl Live {
    /// Lets time pass: what was pending fires, what is calm for long enough is over, who snoozed wakes up.
    pub fn settle(&mut self, now: EventTime, config: &super::AlertConfig) {
        let goes_on = self.goes_on(now);
        let fired_at = self.alert.details.fired_at;
        let details = &mut self.alert.details;
        if !details.state.is_open() {
            return;
        }
        if goes_on {
            self.calm_since = None;
        } else {
            let since = *self.calm_since.get_or_insert(now);
            let waits = details.state != AlertState::Pending
                && now.secs() - since.secs() < secs(config.keep_firing) + calm_secs(self.reopened);
            if !waits {
                details.state = AlertState::Resolved;
                if fired_at == EventTime::default() {
                    details.fired_at = now;
                }
                return;
            }
        }
        if fired_at == EventTime::default() && details.state == AlertState::Pending {
            let lasts = now.secs() - self.alert.start.0;
            if config.pending.as_secs() == 0 || lasts >= secs(config.pending) {
                (details.state, details.fired_at) = (AlertState::Firing, now);
            }
        }
        if details.state == AlertState::Snoozed && details.until.is_some_and(|until| until <= now) {
            (details.state, details.until) = (AlertState::Firing, None);
        }
    }
}

/// Returns how much longer an alert that began again so often must be calm.
fn calm_secs(reopened: u32) -> i64 {
    match reopened {
        0 => 0,
        n => (FLAP_CALM_SECS << (n - 1).min(8)).min(FLAP_CALM_MAX_SECS),
    }
}

fn secs(duration: engine::component::HumanDuration) -> i64 {
    duration.as_secs() as i64
}

impl Incident {
    /// Returns the next notice.
    pub fn notice(&mut self, of: AlertKey, transition: Transition, at: EventTime) -> Notice {
        self.number += 1;
        let mut alerts = self.shown();
        let more = alerts.len().saturating_sub(Notice::ALERTS_MAX);
        alerts.truncate(Notice::ALERTS_MAX);
        for alert in &mut alerts {
            if let Some(live) = self.alerts.get_mut(&alert.key) {
                live.told = Some(live.alert.observed);
            }
        }
        let (id, number) = (NoticeId::new(of, self.number), self.number);
        Notice { id, incident: of, number, transition, at, alerts, more: more as u32 }
    }

    /// Returns what people are to be told of it now.
    pub fn news(
        &mut self,
        of: AlertKey,
        now: EventTime,
        reminders: &[i64],
        wakes: bool,
    ) -> Vec<Notice> {
        let audible =
            self.audible().filter(|live| live.state() != AlertState::Retracted).count() as u32;
        let (mut told, was_told) = (Vec::new(), self.told);
        let ended = self
            .alerts
            .values()
            .map(|live| live.alert.last.0 + i64::from(live.alert.bucket_secs))
            .max();
        let is_stale =
            !self.is_open() && ended.is_some_and(|end| now.secs() - end > super::book::STALE_SECS);
        let reopens = self.told_end && self.audible().any(|live| live.state().is_open());
        if audible > was_told && !(is_stale && was_told == 0) && !reopens {
            (self.told, self.told_end) = (audible, false);
            told.push(self.notice(of, Transition::Fired, now));
            (self.reminded_at, self.reminders) = (Some(now), 0);
        } else if reopens {
            (self.told, self.told_end) = (audible.max(was_told), false);
            told.push(self.notice(of, Transition::Reopened, now));
            (self.reminded_at, self.reminders) = (Some(now), 0);
        }
        if self.told == 0 {
            return told;
        }
        if !self.is_open() && !self.told_end {
            self.told_end = true;
            let retracted = self.alerts.values().all(|live| live.state() == AlertState::Retracted);
            let transition = if retracted { Transition::Retracted } else { Transition::Resolved };
            told.push(self.notice(of, transition, now));
        } else if !self.is_open() && self.is_amended() {
            // Also of those that the notice has no room for, or they would be told at every beat.
            for live in self.alerts.values_mut().filter(|live| live.is_audible()) {
                let observed = live.alert.observed;
                if let Some(told) = live.told.filter(|told| *told != observed) {
                    (live.alert.details.told_observed, live.told) = (Some(told), Some(observed));
                }
            }
            told.push(self.notice(of, Transition::Amended, now));
        } else if self.is_open() && self.is_due(now, reminders, wakes) {
            self.reminders += u32::from(!wakes);
            self.reminded_at = Some(now);
            told.push(self.notice(of, Transition::Reminder, now));
        }
        told
    }

    fn is_amended(&self) -> bool {
        self.audible().any(|live| live.told.is_some_and(|told| live.is_amended(told)))
    }

    /// Returns whether people are to be reminded of it.
    fn is_due(&self, now: EventTime, steps: &[i64], wakes: bool) -> bool {
        let firing = self.audible().any(|live| live.state() == AlertState::Firing);
        let step = steps.get(self.reminders as usize).or(steps.last());
        let passed = self.reminded_at.map_or(0, |at| now.secs() - at.secs());
        firing && (wakes || step.is_some_and(|step| passed >= *step))
    }
}
