//! Alerts: what a person should hear about one cause, from its first burst to its end.
//!
//! ```text
//! spike ──[Signal]──► alert ──[Alert]──► store          an alert changes its state, never its key
//!                           └──[Notice]─► outbox ──► notifiers
//! ```

use super::fingerprint::id_type;
use super::{Bucket, EventTime, Fingerprint, IssueId, ParseIdError};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

id_type!(
    /// An alert's key: the same spike has the same key after any restart, `a_` + 32 hex.
    AlertKey,
    "a_"
);

impl AlertKey {
    /// Returns the key of what began in bucket `start`, led by this fingerprint. Neither changes when the
    /// issue is merged into another one.
    pub fn new(lead: Fingerprint, start: Bucket) -> AlertKey {
        AlertKey::of(&[&lead.0.to_be_bytes(), &start.0.to_be_bytes()])
    }
}

/// What buckets say that hold more, or fewer, events than chance explains.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Verdict {
    /// The last bucket of the window (of the spike operator's own size).
    pub bucket: Bucket,
    /// Events counted in the window.
    pub observed: i64,
    /// Events expected in it, in thousandths.
    pub expected_milli: i64,
    /// Evidence: `-log10 p` in thousandths.
    pub surprise_milli: i64,
}

impl Verdict {
    /// Returns how many times one must look to see so much once by chance, such as `100` or `10^12`; nothing if chance
    /// explains it.
    pub fn odds(&self) -> Option<String> {
        match self.surprise_milli {
            ..=0 => None,
            // Below this a number is easier to read than a power.
            few @ 1..4000 => Some(format!("{:.0}", 10f64.powf(few as f64 / 1000.0))),
            many => Some(format!("10^{}", many.saturating_add(500) / 1000)),
        }
    }
}

/// What kind of news it is.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum AlertKind {
    /// More events than usual.
    #[default]
    Spike,
    /// Something that was hardly ever seen before comes in numbers.
    NewBurst,
    /// Something that was never seen before.
    FirstSeen,
    /// Something that had been gone for two weeks or more is back.
    Regression,
    /// Something that always came no longer does.
    GoneQuiet,
    /// A lasting change since a deploy.
    Step,
}

/// What an alert is about.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum AlertLevel {
    /// One fingerprint convinced by itself.
    #[default]
    Fingerprint,
    /// The members of an issue together.
    Issue,
    /// A whole service.
    Service,
}

/// Where an alert stands.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum AlertState {
    /// It has to last before anybody is told.
    Pending,
    /// It goes on.
    #[default]
    Firing,
    /// It goes on, and somebody looks after it: no reminders.
    Acknowledged,
    /// It goes on, and nobody wants to hear of it until an instant.
    Snoozed,
    /// It is over.
    Resolved,
    /// Late events have shown that it never was.
    Retracted,
}

impl AlertState {
    /// Every state.
    pub const ALL: [AlertState; 6] = [
        AlertState::Pending,
        AlertState::Firing,
        AlertState::Acknowledged,
        AlertState::Snoozed,
        AlertState::Resolved,
        AlertState::Retracted,
    ];

    /// Returns the name of the state, the same as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            AlertState::Pending => "pending",
            AlertState::Firing => "firing",
            AlertState::Acknowledged => "acknowledged",
            AlertState::Snoozed => "snoozed",
            AlertState::Resolved => "resolved",
            AlertState::Retracted => "retracted",
        }
    }

    /// Returns whether it has not come to its end.
    pub const fn is_open(self) -> bool {
        !matches!(self, AlertState::Resolved | AlertState::Retracted)
    }
}

/// One bucket of the curve behind an alert.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct BaselinePoint {
    /// The bucket.
    pub bucket: Bucket,
    /// Events in it.
    pub observed: i64,
    /// Events that were expected, in thousandths.
    pub expected_milli: i64,
}

/// Why it fired.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Explanation {
    /// The test that said most, in words: "events in 3 buckets".
    pub test: Arc<str>,
    /// Length of its window in buckets.
    pub window: u32,
    /// False alarms a day that were asked for, in thousandths.
    pub budget_milli: i64,
    /// How many series could have alarmed at that tick.
    pub alive: u64,
    /// Observed and expected around it, ascending, at most [`Explanation::BASELINE_MAX`] buckets.
    pub baseline: Vec<BaselinePoint>,
}

impl Explanation {
    /// Buckets of the curve, at most.
    pub const BASELINE_MAX: usize = 48;
}

/// A deploy somebody has told of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Deploy {
    /// The service; empty for all.
    pub service: Arc<str>,
    /// What was deployed.
    pub version: Arc<str>,
    /// When.
    pub at: EventTime,
}

/// What an alert has besides what is looked up by. What a stored alert does not say has its default.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct AlertDetails {
    /// The first alert of those that began together in one service: they are told, acknowledged and snoozed
    /// together.
    pub incident: AlertKey,
    /// What kind of news it is.
    pub kind: AlertKind,
    /// What convinced.
    pub level: AlertLevel,
    /// Where it stands.
    pub state: AlertState,
    /// The fingerprint that led it when it began.
    pub lead: Fingerprint,
    /// Its service; empty if none was named.
    pub service: Arc<str>,
    /// When the engine first told of it.
    pub fired_at: EventTime,
    /// When its state changed last.
    pub changed_at: EventTime,
    /// Until when it is snoozed.
    pub until: Option<EventTime>,
    /// Who acknowledged, snoozed or resolved it.
    pub by: Option<Arc<str>>,
    /// What they said.
    pub comment: Option<Arc<str>>,
    /// The silence that keeps it from being told.
    pub silence: Option<Arc<str>>,
    /// The last deploy of its service within the hours before it.
    pub deploy: Option<Deploy>,
    /// Why it fired.
    pub explanation: Explanation,
    /// What was told of its size before late events corrected it, if they did.
    pub told_observed: Option<i64>,
}

/// One cause, as one thing to tell a person.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Alert {
    /// Its key.
    pub key: AlertKey,
    /// The issue it is about; that of its leading fingerprint if it is about a service.
    pub issue: IssueId,
    /// First bucket.
    pub start: Bucket,
    /// Last bucket so far.
    pub last: Bucket,
    /// Length of those buckets in seconds.
    pub bucket_secs: u32,
    /// The strongest evidence so far.
    pub peak: Verdict,
    /// Events in all of its buckets.
    pub observed: i64,
    /// Everything else.
    pub details: AlertDetails,
}

/// What is news about a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum News {
    /// Its open bucket says already that it will fire.
    Early,
    /// It fires.
    Fired,
    /// It goes on firing.
    Holds,
    /// It is over.
    Resolved,
    /// It has lasted so long that it is the new normal.
    NewNormal,
    /// What its open bucket said did not come true.
    Withdrawn,
    /// So many more events (fewer, if negative) of a bucket that was judged before arrived.
    Revised,
}

/// What the spike stage says about one fingerprint, or about all of an issue or a service, led by one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Signal {
    /// The bucket.
    pub bucket: Bucket,
    /// Whose news.
    pub fingerprint: Fingerprint,
    /// What convinced.
    pub level: AlertLevel,
    /// What is news.
    pub news: News,
    /// What kind of news it is.
    pub kind: AlertKind,
    /// The issue the fingerprint belongs to.
    pub issue: IssueId,
    /// Its service; empty if none was named.
    pub service: Arc<str>,
    /// Events in the bucket; how many more, if it is revised.
    pub events: i64,
    /// What its windows say.
    pub verdict: Verdict,
    /// Why, if it fires.
    pub explanation: Explanation,
    /// Length of the bucket in seconds.
    pub bucket_secs: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odds_are_a_number_until_a_power_is_easier_to_read() {
        let odds = |surprise_milli| Verdict { surprise_milli, ..Verdict::default() }.odds();
        assert_eq!(odds(0), None);
        assert_eq!(odds(1301).as_deref(), Some("20"));
        assert_eq!(odds(11_600).as_deref(), Some("10^12"));
    }
}
