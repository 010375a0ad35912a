//! The outbox: brings stored notices to their notifiers, one thread each, so that none delays another.
//!
//! ```text
//! store: queued rows ──oldest first──► Notifier::deliver ──► accepted: Delivered ─┐ as facts of the next epoch
//!    ▲         ▲ later: wait, then again        └─ never: Dead ───────────────────┤
//!    └─────────┴──────────────────────────────────────────────────────────────────┘
//! ```
//! The store is the queue: nothing is remembered here that a crash could lose. Whoever dies between an answer and its
//! mark sends the notice again, under the same id. The committer rings a bell (`bell`) when it has queued something.
//! *Limits:* [`ATTEMPTS_PER_MINUTE`] attempts of a notifier, [`ROWS_MAX`] rows looked at, [`GIVE_UP_AFTER`] until a notice
//! is given up; a person can send it again. `REPEATED_MAX` open alerts are repeated to a receiver that forgets.

use super::bell::Bell;
use super::observer::{DeliveryReport, Observer};
use super::orders::Orders;
use super::shutdown::{StopSignal, StopStage};
use super::supervise::backoff;
use crate::clock::Clock;
use crate::component::{
    AlertQuery, DeliveryError, IssueQuery, IssueTitle, Message, Notifier, OutboxQuery, ReadStore,
    SamplesOf, StoreError,
};
use crate::model::{
    Alert, AlertKey, EventTime, Fact, IssueId, Notice, NoticeId, OutboxRow, OutboxStanding,
    OutboxState, Transition,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Attempts that one notifier makes in any minute.
pub const ATTEMPTS_PER_MINUTE: usize = 12;
/// Those of them that are kept for notices that were never tried: neither retries nor repeats may use them up.
const KEPT_FOR_NEWS: usize = 1;
/// How old a notice gets before it is given up.
pub const GIVE_UP_AFTER: Duration = Duration::from_secs(24 * 3600);
/// Queued rows that are looked at together.
pub const ROWS_MAX: usize = 200;
/// How often the outbox is looked at although nothing calls for it: a store may have been away.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Open alerts that are repeated to receivers that forget. At [`Notice::ALERTS_MAX`] an attempt each has its turn within
/// the five minutes after which an Alertmanager forgets.
const REPEATED_MAX: usize = 800;
const MINUTE: Duration = Duration::from_secs(60);

/// What every notifier's thread needs.
#[derive(Clone)]
pub struct Surroundings {
    /// Where notices are found.
    pub store: Arc<dyn ReadStore>,
    /// How marks are stored.
    pub orders: Orders,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Who watches.
    pub observer: Arc<dyn Observer>,
    /// Where people read on.
    pub public_url: Option<String>,
    /// Whether the engine stops.
    pub stop: StopSignal,
    /// Rung when notices were queued, and when the stage of `stop` has changed.
    pub bell: Bell,
}

/// One notifier's thread.
pub struct Postman {
    id: Arc<str>,
    notifier: Box<dyn Notifier>,
    around: Surroundings,
    attempts: VecDeque<Instant>,
    tries: BTreeMap<NoticeId, Try>,
    /// Settled here and perhaps still queued in the store.
    settled: BTreeSet<NoticeId>,
    /// Marks that could not be stored yet.
    unmarked: Vec<OutboxRow>,
    repeats: Repeats,
    report: DeliveryReport,
}

/// Failed attempts at one notice.
struct Try {
    failures: u32,
    again: Instant,
}

impl Try {
    /// Returns the state after another failure; the other side may have asked to be left alone for a while.
    fn failed(before: Option<Try>, now: Instant, jitter: u8, after: Option<Duration>) -> Try {
        let failures = before.map_or(0, |one| one.failures);
        let delay = backoff(failures, jitter).max(after.unwrap_or_default());
        Try { failures: failures + 1, again: now + delay }
    }
}

/// What a receiver that forgets was told of again.
#[derive(Default)]
struct Repeats {
    looked_at: Option<Instant>,
    /// Whether some had to wait for another minute.
    is_unfinished: bool,
    /// Of the open alerts, at most [`REPEATED_MAX`].
    told: BTreeMap<AlertKey, Instant>,
    trouble: Option<Try>,
}

impl Repeats {
    fn is_due(&self, now: Instant, every: Duration) -> bool {
        let is_left_alone = self.trouble.as_ref().is_some_and(|one| one.again > now);
        let is_time = self.looked_at.is_none_or(|at| now.duration_since(at) >= every);
        !is_left_alone && (self.is_unfinished || is_time)
    }

    /// Returns those of the open alerts that are due, the one that was not repeated for longest first.
    fn due(&mut self, mut open: Vec<Alert>, now: Instant, every: Duration) -> Vec<Alert> {
        let keys: BTreeSet<AlertKey> = open.iter().map(|alert| alert.key).collect();
        self.told.retain(|key, _| keys.contains(key));
        let told = |alert: &Alert| self.told.get(&alert.key);
        open.retain(|alert| told(alert).is_none_or(|at| now.duration_since(*at) >= every));
        open.sort_by_key(|alert| told(alert));
        open
    }
}

impl Postman {
    /// Returns a postman who has not looked yet.
    pub fn new(id: &str, notifier: Box<dyn Notifier>, around: Surroundings) -> Postman {
        Postman {
            id: id.into(),
            notifier,
            around,
            attempts: VecDeque::new(),
            tries: BTreeMap::new(),
            settled: BTreeSet::new(),
            unmarked: Vec::new(),
            repeats: Repeats::default(),
            report: DeliveryReport::default(),
        }
    }

    /// Delivers until the engine stops.
    pub fn run(mut self) {
        loop {
            let heard = self.around.bell.rung();
            if self.around.stop.stage() > StopStage::Running {
                return;
            }
            self.round();
            self.around.bell.wait(heard, self.patience());
        }
    }

    /// Returns how long there is nothing to do unless the bell rings: until the next retry is due, or an attempt is
    /// free again.
    fn patience(&self) -> Duration {
        let now = self.around.clock.instant();
        let are_used_up = self.attempts.len() + KEPT_FOR_NEWS >= ATTEMPTS_PER_MINUTE;
        let free = self.attempts.front().filter(|_| are_used_up).map(|at| *at + MINUTE);
        let next = self.tries.values().map(|one| one.again).chain(free);
        // What is due already was held back by something else.
        next.filter(|at| *at > now).map(|at| at - now).fold(LOOK_EVERY, Duration::min)
    }

    /// Looks at the outbox once, and makes the attempts that are due.
    pub fn round(&mut self) {
        self.mark();
        let mut queued = match self.queued() {
            Ok(queued) => queued,
            // The store says elsewhere what is wrong with it.
            Err(_away) => return,
        };
        let waiting: BTreeSet<NoticeId> = queued.iter().map(|row| row.notice.id).collect();
        self.settled.retain(|id| waiting.contains(id));
        self.tries.retain(|id, _| waiting.contains(id));
        // What happened to an incident at one instant is told in its order.
        queued.sort_by_key(|row| (row.notice.at, row.notice.number));
        // What waits holds back what followed in the same incident, and nothing else.
        let mut held: BTreeSet<AlertKey> = BTreeSet::new();
        let mut left = 0;
        for row in queued {
            if self.settled.contains(&row.notice.id) {
                continue;
            }
            left += 1;
            let now = self.around.clock.instant();
            let tried = self.tries.get(&row.notice.id);
            let is_due = tried.is_none_or(|one| one.again <= now);
            let kept = if tried.is_some() { KEPT_FOR_NEWS } else { 0 };
            if held.contains(&row.notice.incident) || !is_due || !self.may_try(kept) {
                held.insert(row.notice.incident);
                continue;
            }
            match self.attempt(&row.notice) {
                Ok(()) => {
                    let at = self.around.clock.now();
                    self.settle(row, OutboxState::Delivered { at });
                    left -= 1;
                }
                Err(error) => {
                    held.insert(row.notice.incident);
                    left -= usize::from(self.failed(row, error));
                }
            }
            if self.around.stop.stage() > StopStage::Running {
                break;
            }
        }
        self.repeat();
        self.mark();
        self.report.waiting = left;
        self.around.observer.delivery(&self.id, &self.report);
    }

    fn queued(&self) -> Result<Vec<OutboxRow>, StoreError> {
        self.around.store.outbox(&OutboxQuery {
            notifier: Some(self.id.to_string()),
            state: Some(OutboxStanding::Queued),
            limit: ROWS_MAX,
            skip: 0,
        })
    }

    /// Returns whether another attempt may be made in this minute, with so many more left.
    fn may_try(&mut self, kept: usize) -> bool {
        let now = self.around.clock.instant();
        while self.attempts.front().is_some_and(|at| now.duration_since(*at) >= MINUTE) {
            self.attempts.pop_front();
        }
        self.attempts.len() + kept < ATTEMPTS_PER_MINUTE
    }

    fn attempt(&mut self, notice: &Notice) -> Result<(), DeliveryError> {
        self.attempts.push_back(self.around.clock.instant());
        self.report.attempts += 1;
        let message = Message {
            notice: notice.clone(),
            titles: self.titles(notice),
            public_url: self.around.public_url.clone(),
        };
        let notifier = &mut self.notifier;
        let outcome = catch_unwind(AssertUnwindSafe(|| notifier.deliver(&message)));
        let panicked = || DeliveryError::Never { reason: "the notifier panicked".to_owned() };
        let outcome = outcome.unwrap_or_else(|_| Err(panicked()));
        self.report.trouble = outcome.as_ref().err().map(ToString::to_string);
        outcome
    }

    /// Takes note of a failed attempt; returns whether the notice is given up.
    fn failed(&mut self, row: OutboxRow, error: DeliveryError) -> bool {
        let at = self.around.clock.now();
        let (reason, after) = match error {
            DeliveryError::Never { reason } => {
                self.settle(row, OutboxState::Dead { at, reason: reason.into() });
                return true;
            }
            DeliveryError::Later { reason, after } => (reason, after),
        };
        let age = at.secs() - row.notice.at.secs();
        if age > GIVE_UP_AFTER.as_secs() as i64 {
            let reason = format!("given up after a day: {reason}");
            self.settle(row, OutboxState::Dead { at, reason: reason.into() });
            return true;
        }
        let now = self.around.clock.instant();
        let before = self.tries.remove(&row.notice.id);
        let one = Try::failed(before, now, (at.0 >> 8) as u8, after);
        self.tries.insert(row.notice.id, one);
        false
    }

    fn settle(&mut self, row: OutboxRow, state: OutboxState) {
        match &state {
            OutboxState::Delivered { .. } => self.report.delivered += 1,
            OutboxState::Dead { .. } => self.report.dead += 1,
            OutboxState::Queued => {}
        }
        self.settled.insert(row.notice.id);
        self.unmarked.push(OutboxRow { state, ..row });
        self.mark();
    }

    /// Stores what became of notices.
    fn mark(&mut self) {
        if self.unmarked.is_empty() {
            return;
        }
        let facts = self.unmarked.iter().cloned().map(|row| Fact::Outbox(Box::new(row))).collect();
        if self.around.orders.store(facts).is_ok() {
            self.unmarked.clear();
        }
    }

    /// Returns what is shown of a notice's issues.
    fn titles(&self, notice: &Notice) -> BTreeMap<IssueId, IssueTitle> {
        let ids: BTreeSet<IssueId> = notice.alerts.iter().map(|alert| alert.issue).collect();
        let query = IssueQuery {
            ids: Some(ids),
            limit: Notice::ALERTS_MAX,
            ..IssueQuery::everything(self.around.clock.now())
        };
        let Ok(page) = self.around.store.issues(&query) else { return BTreeMap::new() };
        let title = |row: crate::component::IssueRow| {
            let samples = self.around.store.samples(SamplesOf::Issue(row.id), 1);
            let sample = samples.ok().flatten().and_then(|kept| kept.samples.into_iter().next());
            let title = IssueTitle {
                template: row.template,
                severity: row.severity,
                tags: row.tags.iter().map(|tag| tag.name.to_string()).collect(),
                sample: sample.map_or_else(String::new, |sample| sample.record),
            };
            (row.id, title)
        };
        page.issues.into_iter().map(title).collect()
    }

    /// Tells a receiver that forgets of everything that is open.
    fn repeat(&mut self) {
        let Some(every) = self.notifier.repeats_every() else { return };
        let (now, instant) = (self.around.clock.now(), self.around.clock.instant());
        if !self.repeats.is_due(instant, every) {
            return;
        }
        let query = AlertQuery { open_only: true, limit: REPEATED_MAX, ..AlertQuery::default() };
        let Ok(rows) = self.around.store.alerts(&query, now) else { return };
        let is_told = |alert: &Alert| {
            alert.details.silence.is_none() && alert.details.fired_at != EventTime::default()
        };
        let open = rows.into_iter().map(|row| row.alert).filter(is_told).collect();
        (self.repeats.looked_at, self.repeats.is_unfinished) = (Some(instant), true);
        for some in self.repeats.due(open, instant, every).chunks(Notice::ALERTS_MAX) {
            let stops = self.around.stop.stage() > StopStage::Running;
            if stops || !self.may_try(KEPT_FOR_NEWS) {
                return;
            }
            let notice = Notice {
                transition: Transition::Reminder,
                at: now,
                alerts: some.to_vec(),
                ..Notice::default()
            };
            if let Err(error) = self.attempt(&notice) {
                let after = match error {
                    DeliveryError::Later { after, .. } => after,
                    DeliveryError::Never { .. } => None,
                };
                let (before, instant) = (self.repeats.trouble.take(), self.around.clock.instant());
                let one = Try::failed(before, instant, (now.0 >> 8) as u8, after);
                self.repeats.trouble = Some(one);
                return;
            }
            self.repeats.trouble = None;
            self.repeats.told.extend(some.iter().map(|alert| (alert.key, instant)));
        }
        self.repeats.is_unfinished = false;
    }
}

#[cfg(test)]
mod tests;
