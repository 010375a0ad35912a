//! A world around one postman: a fake store with its committer, a fake notifier, a clock moved by hand.

use super::super::{Postman, Surroundings};
use crate::clock::{Clock, ManualClock};
use crate::component::{
    AlertQuery, AlertRow, Audit, ClassCounts, CountRow, DeliveryError, IssueDetail, IssuePage,
    IssueQuery, KeptSamples, Message, Notifier, OutboxQuery, ReadStore, RejectedRow, SamplesOf,
    StoreError, TimelineQuery,
};
use crate::model::{
    Activity, Alert, AlertKey, Epoch, EventTime, Fact, IssueId, Notice, NoticeId, OutboxRow,
    OutboxStanding, OutboxState, Part, Severity, TextId, VectorRow,
};
use crate::runtime::bell::Bell;
use crate::runtime::commit::Backlog;
use crate::runtime::orders::{Ground, Orders};
use crate::runtime::reader::Request;
use crate::runtime::shutdown::StopSignal;
use crate::runtime::{DeliveryReport, Observer};
use crossbeam_channel::bounded;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// When every test begins.
pub const START: EventTime = EventTime::from_secs(1_750_000_000);
/// The one notifier.
pub const ID: &str = "pager";

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A store of an outbox and of open alerts. Whoever asks it for anything else has made a mistake.
#[derive(Default)]
pub struct FakeStore {
    rows: Mutex<BTreeMap<NoticeId, OutboxRow>>,
    open: Mutex<Vec<Alert>>,
}

impl FakeStore {
    pub fn put(&self, row: OutboxRow) {
        lock(&self.rows).insert(row.notice.id, row);
    }

    /// Returns how many rows stand like this.
    pub fn count(&self, standing: OutboxStanding) -> usize {
        lock(&self.rows).values().filter(|row| row.state.standing() == standing).count()
    }
}

fn never_asked<T>() -> Result<T, StoreError> {
    panic!("a postman does not ask for this")
}

impl ReadStore for FakeStore {
    fn issues(&self, _: &IssueQuery) -> Result<IssuePage, StoreError> {
        Ok(IssuePage::default())
    }
    fn alerts(&self, query: &AlertQuery, _: EventTime) -> Result<Vec<AlertRow>, StoreError> {
        assert!(query.open_only);
        let row = |alert: &Alert| AlertRow {
            alert: alert.clone(),
            template: String::new(),
            severity: Severity::Error,
            firing: true,
        };
        Ok(lock(&self.open).iter().take(query.limit).map(row).collect())
    }
    fn outbox(&self, query: &OutboxQuery) -> Result<Vec<OutboxRow>, StoreError> {
        let mut rows: Vec<OutboxRow> = lock(&self.rows).values().cloned().collect();
        rows.retain(|row| query.state.is_none_or(|state| row.state.standing() == state));
        rows.sort_by_key(|row| (row.notice.at, row.notice.id));
        Ok(rows.into_iter().skip(query.skip).take(query.limit).collect())
    }
    fn issue(&self, _: IssueId, _: &IssueQuery) -> Result<Option<IssueDetail>, StoreError> {
        never_asked()
    }
    fn samples(&self, _: SamplesOf, _: usize) -> Result<Option<KeptSamples>, StoreError> {
        never_asked()
    }
    fn timeline(&self, _: &TimelineQuery) -> Result<Vec<ClassCounts>, StoreError> {
        never_asked()
    }
    fn alert(&self, _: AlertKey, _: EventTime) -> Result<Option<AlertRow>, StoreError> {
        never_asked()
    }
    fn activity(&self, _: IssueId, _: usize, _: usize) -> Result<Vec<Activity>, StoreError> {
        never_asked()
    }
    fn audit(&self) -> Result<Audit, StoreError> {
        never_asked()
    }
    fn rejected(&self) -> Result<Vec<RejectedRow>, StoreError> {
        never_asked()
    }
    fn vectors(&self) -> Result<Vec<VectorRow>, StoreError> {
        never_asked()
    }
    fn vectors_of(&self, _: &[TextId]) -> Result<Vec<VectorRow>, StoreError> {
        never_asked()
    }
    fn parts(&self) -> Result<Vec<Part>, StoreError> {
        never_asked()
    }
    fn export_counts(&self, _: &mut dyn FnMut(CountRow) -> bool) -> Result<(), StoreError> {
        never_asked()
    }
}

/// What a fake notifier says to a notice.
pub type Answer = fn(&Notice) -> Result<(), DeliveryError>;

/// Accepts everything.
pub fn yes(_: &Notice) -> Result<(), DeliveryError> {
    Ok(())
}

/// Accepts nothing now.
pub fn later(_: &Notice) -> Result<(), DeliveryError> {
    Err(DeliveryError::Later { reason: "nobody answers".to_owned(), after: None })
}

/// A notifier that keeps what it hears and answers as it is told to.
struct FakeNotifier {
    heard: Arc<Mutex<Vec<(Instant, Notice)>>>,
    answer: Arc<Mutex<Answer>>,
    repeats_every: Option<Duration>,
    clock: Arc<ManualClock>,
    takes: Duration,
}

impl Notifier for FakeNotifier {
    fn deliver(&mut self, message: &Message) -> Result<(), DeliveryError> {
        lock(&self.heard).push((self.clock.instant(), message.notice.clone()));
        self.clock.advance(self.takes);
        let answer = *lock(&self.answer);
        answer(&message.notice)
    }

    fn repeats_every(&self) -> Option<Duration> {
        self.repeats_every
    }
}

/// Keeps the last report.
#[derive(Default)]
struct FakeObserver(Mutex<DeliveryReport>);

impl Observer for FakeObserver {
    fn delivery(&self, notifier: &str, report: &DeliveryReport) {
        assert_eq!(notifier, ID);
        *lock(&self.0) = report.clone();
    }
}

/// A postman and everything around him.
pub struct World {
    pub store: Arc<FakeStore>,
    pub clock: Arc<ManualClock>,
    pub postman: Postman,
    orders: Orders,
    observer: Arc<FakeObserver>,
    heard: Arc<Mutex<Vec<(Instant, Notice)>>>,
    answer: Arc<Mutex<Answer>>,
}

impl World {
    /// Returns a world whose notifier answers so.
    pub fn answering(answer: Answer) -> World {
        let world = World::new(answer, None, Duration::ZERO);
        world.take_orders();
        world
    }

    /// Returns a world whose notifier accepts everything and forgets it after `repeats_every`.
    pub fn forgetting(repeats_every: Duration) -> World {
        let world = World::new(yes, Some(repeats_every), Duration::ZERO);
        world.take_orders();
        world
    }

    /// Returns a world whose notifier needs so long for each attempt.
    pub fn taking(takes: Duration) -> World {
        let world = World::new(yes, None, takes);
        world.take_orders();
        world
    }

    /// Returns a world whose engine takes no orders before [`World::take_orders`].
    pub fn deaf() -> World {
        World::new(yes, None, Duration::ZERO)
    }

    fn new(answer: Answer, repeats_every: Option<Duration>, takes: Duration) -> World {
        let clock = Arc::new(ManualClock::at(START));
        let (store, observer) = (Arc::<FakeStore>::default(), Arc::<FakeObserver>::default());
        let (heard, answer) = (Arc::default(), Arc::new(Mutex::new(answer)));
        let notifier = FakeNotifier {
            heard: Arc::clone(&heard),
            answer: Arc::clone(&answer),
            repeats_every,
            clock: Arc::clone(&clock),
            takes,
        };
        let orders = Orders::default();
        let around = Surroundings {
            store: Arc::clone(&store) as _,
            orders: orders.clone(),
            clock: Arc::clone(&clock) as _,
            observer: Arc::clone(&observer) as _,
            public_url: None,
            stop: StopSignal::default(),
            bell: Bell::default(),
        };
        let postman = Postman::new(ID, Box::new(notifier), around);
        World { store, clock, postman, orders, observer, heard, answer }
    }

    /// Lets a thread commit what is ordered: each order is an epoch.
    pub fn take_orders(&self) {
        let (requests, taken) = bounded::<Request>(1);
        let (backlog, store) = (Arc::<Backlog>::default(), Arc::clone(&self.store));
        let ground = Ground {
            requests,
            wakers: Arc::default(),
            backlog: Arc::clone(&backlog),
            stop: StopSignal::default(),
        };
        self.orders.open(ground);
        std::thread::spawn(move || {
            for (request, epoch) in taken.iter().zip(1..) {
                for fact in request.facts {
                    let Fact::Outbox(row) = fact else { panic!("a postman stores marks only") };
                    store.put(*row);
                }
                backlog.committed.store(epoch, Ordering::Release);
                // Nobody listens any more once the test has ended.
                let _gone = request.epoch.send(Epoch(epoch));
            }
        });
    }

    /// Changes what the notifier says.
    pub fn answer(&self, answer: Answer) {
        *lock(&self.answer) = answer;
    }

    /// Queues the `number`th notice of an incident, as of `secs` after the start.
    pub fn queue(&self, incident: u128, number: u32, secs: i64) -> NoticeId {
        let incident = AlertKey(incident);
        let notice = Notice {
            id: NoticeId::new(incident, number),
            incident,
            number,
            at: EventTime::from_secs(START.secs() + secs),
            ..Notice::default()
        };
        let id = notice.id;
        let state = OutboxState::Queued;
        self.store.put(OutboxRow { notifier: ID.into(), notice: Arc::new(notice), state });
        id
    }

    /// Lets so many alerts be open, all of them told.
    pub fn open(&self, alerts: u128) {
        let alert = |key| {
            let mut alert = Alert { key: AlertKey(key), ..Alert::default() };
            alert.details.fired_at = START;
            alert
        };
        *lock(&self.store.open) = (1..=alerts).map(alert).collect();
    }

    /// Lets the store list the open alerts the other way round.
    pub fn reverse_open(&self) {
        lock(&self.store.open).reverse();
    }

    /// Looks after `secs` more.
    pub fn look_after(&mut self, secs: u64) {
        self.clock.advance(Duration::from_secs(secs));
        self.postman.round();
    }

    /// Returns what the notifier has heard since the last call, and when.
    pub fn heard(&self) -> Vec<(Instant, Notice)> {
        std::mem::take(&mut *lock(&self.heard))
    }

    /// Returns the ids of what the notifier has heard since the last call.
    pub fn heard_ids(&self) -> Vec<NoticeId> {
        self.heard().into_iter().map(|(_, notice)| notice.id).collect()
    }

    pub fn report(&self) -> DeliveryReport {
        lock(&self.observer.0).clone()
    }
}
