//! The past once more: counts in the order of their buckets through the machines behind `spike` and `alert`, without a
//! dataflow. What a live engine with the same options made of the same arrivals is what comes out, but for the
//! seconds within a bucket at which the live engine looked.

use crate::alert::{Alerting, Book, book};
use crate::spike::{Heard, Judge, Said, SpikeDetector};
use crate::view::View;
use engine::component::Recovered;
use engine::model::{
    Alert, AlertKey, AlertKind, AlertLevel, AlertState, Bucket, BucketSize, Command, Control,
    EventTime, Fingerprint, IssueId, Notice, Placed, Verdict,
};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// See the module.
pub struct Replay {
    judge: Judge,
    book: Book,
    size: BucketSize,
    alerts: BTreeMap<AlertKey, Alert>,
    notices: Vec<Notice>,
}

/// What would have been.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Replayed {
    /// Every alert as it stood in the end, by its beginning.
    pub alerts: Vec<Alert>,
    /// Every notice, in order.
    pub notices: Vec<Notice>,
}

impl Replay {
    /// Returns a replay in which nothing has happened yet.
    pub fn new(spikes: &SpikeDetector, alerts: &Alerting) -> Replay {
        let mut judge = spikes.judge("", &Recovered::default());
        judge.change(Heard::Recovered, 1);
        Replay {
            judge,
            book: Book::new(alerts.config().clone()),
            size: spikes.size(),
            alerts: BTreeMap::new(),
            notices: Vec::new(),
        }
    }

    /// Returns the length of a judged bucket.
    pub fn size(&self) -> BucketSize {
        self.size
    }

    /// Says where a fingerprint stands, before its first count.
    pub fn place(&mut self, placed: Placed) {
        self.judge.change(Heard::Placed(Box::new(placed)), 1);
    }

    /// Opens the first bucket: what comes for earlier ones is late. Unless told, it is that of the oldest count
    /// before the first beat.
    pub fn begin(&mut self, bucket: Bucket) {
        self.judge.begin_with(bucket);
    }

    /// Adds events that arrive now: fewer, if negative.
    pub fn count(&mut self, bucket: Bucket, fingerprint: Fingerprint, events: i64) {
        self.judge.change(Heard::Count(bucket, fingerprint), events as isize);
    }

    /// Lets people decide something at an instant.
    pub fn command(&mut self, at: EventTime, command: Command) {
        self.hear(Control::Command { at, command });
    }

    /// Lets the clock move on: buckets that have ended by then are judged.
    pub fn beat(&mut self, now: EventTime) {
        self.hear(Control::Beat { now, is_behind: false });
    }

    fn hear(&mut self, control: Control) {
        self.judge.change(Heard::Control(control.clone()), 1);
        let signals = self.judge.take_told().into_iter().filter_map(|said| match said {
            Said::Signal(signal) => Some(signal),
            Said::State(..) => None,
        });
        // Within an epoch rows are heard in their order, each once: see `view`.
        for signal in signals.collect::<BTreeSet<_>>() {
            self.book.change(book::Row::Signal(signal), 1);
        }
        self.book.change(book::Row::Control(control), 1);
        for (told, _) in self.book.tell() {
            match told {
                book::Told::Alert(alert) => _ = self.alerts.insert(alert.key, *alert),
                book::Told::Notice(notice) => self.notices.push(*notice),
                book::Told::State(..) => {}
            }
        }
    }

    /// Returns whether any alert has not come to its end.
    pub fn has_open(&self) -> bool {
        self.alerts.values().any(|alert| alert.details.state.is_open())
    }

    /// Returns what came of it.
    pub fn finish(self) -> Replayed {
        let mut alerts: Vec<Alert> = self.alerts.into_values().collect();
        alerts.sort_by_key(|alert| (alert.start, alert.key));
        Replayed { alerts, notices: self.notices }
    }
}

/// What a replay determines of an alert: all but the seconds at which the live engine looked, and what people did.
/// Equal alerts are equal as JSON, byte for byte.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Determined {
    /// Its key.
    pub key: AlertKey,
    /// The key of the first alert of those that began together.
    pub incident: AlertKey,
    /// What kind of news it is.
    pub kind: AlertKind,
    /// What convinced.
    pub level: AlertLevel,
    /// The issue it is about.
    pub issue: IssueId,
    /// The fingerprint that led it.
    pub fingerprint: Fingerprint,
    /// Its service; empty if none was named.
    pub service: Arc<str>,
    /// What its issue displays.
    pub title: Arc<str>,
    /// Start of its first bucket.
    pub start: String,
    /// Start of its last bucket.
    pub last: String,
    /// Length of its buckets.
    pub bucket_seconds: u32,
    /// Events in all of its buckets.
    pub observed: i64,
    /// Its strongest evidence.
    pub peak: Peak,
    /// Where it stands.
    pub state: AlertState,
}

/// A [`Verdict`] in units.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Peak {
    /// Start of the last bucket of the window.
    pub bucket: String,
    /// Events in the window.
    pub observed: i64,
    /// Events expected in it.
    pub expected: f64,
    /// `-log10 p`.
    pub surprise: f64,
}

impl Determined {
    /// Returns what is determined of an alert about an issue of that title.
    pub fn of(alert: &Alert, title: Arc<str>) -> Determined {
        let details = &alert.details;
        Determined {
            key: alert.key,
            incident: details.incident,
            kind: details.kind,
            level: details.level,
            issue: alert.issue,
            fingerprint: details.lead,
            service: Arc::clone(&details.service),
            title,
            start: alert.start.to_string(),
            last: alert.last.to_string(),
            bucket_seconds: alert.bucket_secs,
            observed: alert.observed,
            peak: Peak::of(&alert.peak),
            state: details.state,
        }
    }
}

impl Peak {
    fn of(verdict: &Verdict) -> Peak {
        Peak {
            bucket: verdict.bucket.to_string(),
            observed: verdict.observed,
            expected: verdict.expected_milli as f64 / 1000.0,
            surprise: verdict.surprise_milli as f64 / 1000.0,
        }
    }
}
