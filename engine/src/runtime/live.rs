//! Live feed: tells whoever watches what was just committed; the engine never waits for a watcher.
//!
//! ```text
//! store thread ──publish──► ring of LiveFeed::CAPACITY ──► watcher 1 (server-sent events)
//!                                                     └──► watcher 2 lags: told so, goes on
//! ```
//! *State and limits:* the ring holds [`LiveFeed::CAPACITY`] commits and each commit at most
//! [`Committed::ISSUES_MAX`] issues and [`Committed::ALERTS_MAX`] alerts (I8). A watcher that falls
//! further behind receives `RecvError::Lagged` and must ask the store again.
//! *Not here:* what is stored; watchers learn *that* something changed and ask `ReadStore` for it.

use crate::model::{AlertKey, Epoch, IssueId};
use std::sync::Arc;
use tokio::sync::broadcast;

/// What one commit changed, as far as watchers care.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// The epoch that is stored now.
    pub epoch: Epoch,
    /// Events this commit added to the counts.
    pub counted: u64,
    /// Issues it touched, at most [`Committed::ISSUES_MAX`].
    pub issues: Vec<IssueId>,
    /// Alerts it touched, at most [`Committed::ALERTS_MAX`].
    pub alerts: Vec<AlertKey>,
    /// Whether more issues or alerts were touched than are listed.
    pub cut: bool,
}

impl Committed {
    /// Most issues listed for one commit.
    pub const ISSUES_MAX: usize = 200;
    /// Most alerts listed for one commit.
    pub const ALERTS_MAX: usize = 200;

    /// Returns the news of a commit; lists that are too long are cut, and said to be.
    pub fn new(
        epoch: Epoch,
        counted: u64,
        issues: impl IntoIterator<Item = IssueId>,
        alerts: impl IntoIterator<Item = AlertKey>,
    ) -> Self {
        let (issues, issues_cut) = take_at_most(issues, Self::ISSUES_MAX);
        let (alerts, alerts_cut) = take_at_most(alerts, Self::ALERTS_MAX);
        Self { epoch, counted, issues, alerts, cut: issues_cut || alerts_cut }
    }

    /// Adds a later commit's news to these, within the same limits.
    pub fn absorb(&mut self, later: &Committed) {
        self.epoch = self.epoch.max(later.epoch);
        self.counted = self.counted.saturating_add(later.counted);
        self.cut |= later.cut;
        self.cut |= !add_missing(&mut self.issues, &later.issues, Self::ISSUES_MAX);
        self.cut |= !add_missing(&mut self.alerts, &later.alerts, Self::ALERTS_MAX);
    }
}

/// Hands committed epochs to any number of watchers. Cheap to clone.
#[derive(Clone, Debug)]
pub struct LiveFeed {
    sender: broadcast::Sender<Arc<Committed>>,
}

impl LiveFeed {
    /// How many commits a watcher may fall behind before it has missed some.
    pub const CAPACITY: usize = 256;

    /// Returns a feed that nobody watches yet.
    pub fn new() -> Self {
        Self { sender: broadcast::Sender::new(Self::CAPACITY) }
    }

    /// Tells every watcher; returns at once, from any thread, also when nobody watches.
    pub fn publish(&self, committed: Committed) {
        // The only error is "nobody watches", which is normal.
        let _ = self.sender.send(Arc::new(committed));
    }

    /// Starts to watch: receives what is published from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Committed>> {
        self.sender.subscribe()
    }
}

impl Default for LiveFeed {
    fn default() -> Self {
        Self::new()
    }
}

/// Returns the first `most` of `all`, and whether there were more.
fn take_at_most<T>(all: impl IntoIterator<Item = T>, most: usize) -> (Vec<T>, bool) {
    let mut all = all.into_iter();
    let taken: Vec<T> = all.by_ref().take(most).collect();
    (taken, all.next().is_some())
}

/// Appends what is missing in `known`; returns `false` if it did not fit.
fn add_missing<T: Copy + PartialEq>(known: &mut Vec<T>, more: &[T], most: usize) -> bool {
    for item in more {
        if !known.contains(item) {
            if known.len() == most {
                return false;
            }
            known.push(*item);
        }
    }
    true
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use tokio::sync::broadcast::error::TryRecvError;

    fn ids(range: std::ops::Range<u128>) -> impl Iterator<Item = IssueId> {
        range.map(IssueId)
    }

    #[test]
    fn a_watcher_receives_what_is_published_after_it_came() {
        let feed = LiveFeed::new();
        feed.publish(Committed::new(Epoch(1), 5, [], []));
        let mut watcher = feed.subscribe();
        feed.publish(Committed::new(Epoch(2), 7, ids(0..1), []));
        assert_eq!(watcher.try_recv().unwrap().epoch, Epoch(2));
        assert_eq!(watcher.try_recv().unwrap_err(), TryRecvError::Empty);
    }

    #[test]
    fn limit_a_watcher_beyond_the_capacity_is_told_that_it_lagged() {
        let feed = LiveFeed::new();
        let mut watcher = feed.subscribe();
        for epoch in 0..=LiveFeed::CAPACITY as u64 {
            feed.publish(Committed::new(Epoch(epoch), 1, [], []));
        }
        assert_eq!(watcher.try_recv().unwrap_err(), TryRecvError::Lagged(1));
        assert_eq!(watcher.try_recv().unwrap().epoch, Epoch(1));
    }

    #[test]
    fn limit_long_lists_are_cut_and_say_so() {
        let most = Committed::ISSUES_MAX as u128;
        let full = Committed::new(Epoch(1), 1, ids(0..most), []);
        assert!(!full.cut);
        let over = Committed::new(Epoch(1), 1, ids(0..most + 1), []);
        assert!(over.cut);
        assert_eq!(over.issues.len(), Committed::ISSUES_MAX);
    }

    #[test]
    fn limit_absorbing_adds_counts_and_never_lists_more_than_allowed() {
        let mut news = Committed::new(Epoch(3), 10, ids(0..150), []);
        news.absorb(&Committed::new(Epoch(4), 5, ids(100..200), []));
        assert_eq!((news.epoch, news.counted, news.issues.len()), (Epoch(4), 15, 200));
        assert!(!news.cut);
        news.absorb(&Committed::new(Epoch(5), 1, ids(300..301), []));
        assert_eq!((news.issues.len(), news.cut), (200, true));
    }

    #[test]
    fn publishing_works_from_a_plain_thread_without_watchers() {
        let feed = LiveFeed::new();
        let clone = feed.clone();
        std::thread::spawn(move || clone.publish(Committed::default())).join().unwrap();
        drop(feed);
    }
}
