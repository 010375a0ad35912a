//! The past once more: counts in the order of their buckets through the machines behind `spike` and `alert`, without a
//! dataflow. What a live engine with the same options made of the same arrivals is what comes out, but for the
//! seconds within a bucket at which the live engine looked.

use crate::alert::{Alerting, Book, book};
use crate::spike::{Heard, Judge, Said, SpikeDetector};
use crate::view::View;
use engine::component::Recovered;
use engine::model::{
    Alert, AlertKey, Bucket, BucketSize, Command, Control, EventTime, Fingerprint, Notice, Placed,
};
use std::collections::BTreeMap;

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
        for said in self.judge.take_told() {
            if let Said::Signal(signal) = said {
                self.book.change(book::Row::Signal(signal), 1);
            }
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

    /// Returns what came of it.
    pub fn finish(self) -> Replayed {
        let mut alerts: Vec<Alert> = self.alerts.into_values().collect();
        alerts.sort_by_key(|alert| (alert.start, alert.key));
        Replayed { alerts, notices: self.notices }
    }
}
