//! The desk at which people decide about alerts: what may be decided, and what was.
//!
//! ```text
//! dashboard ──decide──► AlertDesk ──Orders──► operator `alert` ──state rows──► commit
//!     ▲                     │                                                     │
//!     └──silences, deploys──┴──────────── AlertBoard ◄──Telemetry─────────────────┘
//! ```
//! *State and limits:* the board holds what the nodes of type `alert` store, which the operator bounds. *Not here:*
//! what follows from a decision (`operators::alert::book`), addresses (crate `dashboard`).

use engine::clock::Clock;
use engine::component::{
    AlertAdmin, Contents, NotifierRow, OutboxQuery, ReadStore, Recovered, Refusal, StoreError,
};
use engine::graph::Graph;
use engine::model::{
    AlertKey, Command, Deploy, Fact, NoticeId, OutboxRow, OutboxStanding, OutboxState, Silence,
    StateKey,
};
use engine::runtime::{DeliveryReport, NotTaken, Orders};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};

/// Rows of the outbox that are read at once, to find a notice.
const ROWS_READ_MAX: usize = 200;
/// How far the search for a notice goes; further back nothing can be sent again.
const ROWS_SEARCHED_MAX: usize = 20_000;
/// Under this key, and keys that begin with `s/`, the operator stores what people decided.
const DEPLOYS_KEY: &str = "deploys";
const SILENCE_KEY: &str = "s/";

/// A stored decision.
#[derive(Clone, Debug)]
enum Decided {
    Silence(Silence),
    Deploys(Vec<Deploy>),
}

/// What the engine has told of silences, deploys and deliveries.
#[derive(Debug, Default)]
pub struct AlertBoard {
    /// Ids of the operators of type `alert`.
    nodes: BTreeSet<String>,
    /// Id and type of each notifier.
    notifiers: Vec<(String, &'static str)>,
    /// By node and key.
    decided: RwLock<BTreeMap<StateKey, Decided>>,
    reports: RwLock<BTreeMap<String, DeliveryReport>>,
}

impl AlertBoard {
    /// Returns the board of a graph on which nothing stands yet.
    pub fn of(graph: &Graph) -> Self {
        let is_alert = |name: &str| name == operators::alert::COMPONENT.name;
        let nodes = graph.operators.iter().filter(|node| is_alert(node.component.name));
        let notifiers = graph.notifiers.iter().map(|node| (node.id.clone(), node.component.name));
        Self {
            nodes: nodes.map(|node| node.id.clone()).collect(),
            notifiers: notifiers.collect(),
            ..Self::default()
        }
    }

    /// Takes up what the store held when the engine started.
    pub fn recovered(&self, recovered: &Recovered) {
        for ((node, key), value) in &recovered.state {
            self.note(node, key, Some(value));
        }
    }

    /// Takes up what was just committed.
    pub fn committed(&self, contents: &Contents) {
        for row in &contents.state {
            self.note(&row.node, &row.key, row.value.as_ref());
        }
    }

    /// Takes up how a notifier fares; returns how it fared before.
    pub fn delivery(&self, notifier: &str, report: &DeliveryReport) -> Option<DeliveryReport> {
        let mut reports = self.reports.write().unwrap_or_else(PoisonError::into_inner);
        reports.insert(notifier.to_owned(), report.clone())
    }

    fn note(&self, node: &Arc<str>, key: &Arc<str>, value: Option<&Arc<[u8]>>) {
        let is_silence = key.starts_with(SILENCE_KEY);
        if !(is_silence || **key == *DEPLOYS_KEY) || !self.nodes.contains(&**node) {
            return;
        }
        let read = |value: &Arc<[u8]>| match is_silence {
            true => serde_json::from_slice(value).map(Decided::Silence).ok(),
            false => serde_json::from_slice(value).map(Decided::Deploys).ok(),
        };
        let place = (Arc::clone(node), Arc::clone(key));
        let mut decided = self.decided.write().unwrap_or_else(PoisonError::into_inner);
        match value.and_then(read) {
            Some(row) => _ = decided.insert(place, row),
            None => _ = decided.remove(&place),
        }
    }

    /// Returns every silence once, however many operators hold it.
    fn silences(&self) -> Vec<Silence> {
        let decided = self.decided.read().unwrap_or_else(PoisonError::into_inner);
        let silences = decided.values().filter_map(|row| match row {
            Decided::Silence(silence) => Some((&silence.id, silence)),
            Decided::Deploys(_) => None,
        });
        let once: BTreeMap<_, _> = silences.collect();
        let mut silences: Vec<Silence> = once.into_values().cloned().collect();
        silences.sort_by(|a, b| (a.until, &a.id).cmp(&(b.until, &b.id)));
        silences
    }

    fn deploys(&self) -> Vec<Deploy> {
        let decided = self.decided.read().unwrap_or_else(PoisonError::into_inner);
        let deploys = decided.values().filter_map(|row| match row {
            Decided::Deploys(deploys) => Some(deploys),
            Decided::Silence(_) => None,
        });
        let once: BTreeSet<&Deploy> = deploys.flatten().collect();
        let mut deploys: Vec<Deploy> = once.into_iter().cloned().collect();
        deploys.sort_by_key(|deploy| std::cmp::Reverse(deploy.at));
        deploys
    }

    fn notifiers(&self) -> Vec<NotifierRow> {
        let reports = self.reports.read().unwrap_or_else(PoisonError::into_inner);
        let row = |(id, component): &(String, &'static str)| {
            let report = reports.get(id).cloned().unwrap_or_default();
            NotifierRow {
                id: id.clone(),
                r#type: (*component).to_owned(),
                waiting: report.waiting,
                delivered: report.delivered,
                dead: report.dead,
                trouble: report.trouble,
            }
        };
        self.notifiers.iter().map(row).collect()
    }
}

/// See the module.
pub struct AlertDesk {
    orders: Orders,
    store: Arc<dyn ReadStore>,
    clock: Arc<dyn Clock>,
    board: Arc<AlertBoard>,
}

impl AlertDesk {
    /// Returns the desk of an engine that takes `orders`.
    pub fn new(
        orders: Orders,
        store: Arc<dyn ReadStore>,
        clock: Arc<dyn Clock>,
        board: Arc<AlertBoard>,
    ) -> Self {
        Self { orders, store, clock, board }
    }

    /// Checks that a decision is about something that can still be decided.
    fn check(&self, command: &Command) -> Result<(), Refusal> {
        if self.board.nodes.is_empty() {
            let detail = "the graph has no operator of type `alert`, which would hear of it";
            return Err(Refusal::Conflict(detail.to_owned()));
        }
        match command {
            Command::Acknowledge { alert, .. }
            | Command::Snooze { alert, .. }
            | Command::Resolve { alert, .. } => self.check_alert(*alert),
            Command::Unsilence { id } => {
                let known = self.board.silences().iter().any(|silence| silence.id == *id);
                let unknown = || Refusal::Unknown(format!("silence `{}`", shown(id)));
                known.then_some(()).ok_or_else(unknown)
            }
            _ => Ok(()),
        }
    }

    fn check_alert(&self, key: AlertKey) -> Result<(), Refusal> {
        let found = self.store.alert(key, self.clock.now()).map_err(away)?;
        let row = found.ok_or_else(|| Refusal::Unknown(format!("alert `{key}`")))?;
        let state = row.alert.details.state;
        if state.is_open() {
            return Ok(());
        }
        let detail = format!("alert `{key}` has ended already: it is {}", state.as_str());
        Err(Refusal::Conflict(detail))
    }

    /// Returns the row of a notice and a notifier that stands like this, if there is one.
    fn row(
        &self,
        notice: NoticeId,
        notifier: &str,
        standing: OutboxStanding,
    ) -> Result<Option<OutboxRow>, Refusal> {
        let mut query = OutboxQuery {
            notifier: Some(notifier.to_owned()),
            state: Some(standing),
            limit: ROWS_READ_MAX,
            skip: 0,
        };
        while query.skip < ROWS_SEARCHED_MAX {
            let rows = self.store.outbox(&query).map_err(away)?;
            let read = rows.len();
            if let Some(row) = rows.into_iter().find(|row| row.notice.id == notice) {
                return Ok(Some(row));
            }
            if read < ROWS_READ_MAX {
                break;
            }
            query.skip += read;
        }
        Ok(None)
    }
}

impl AlertAdmin for AlertDesk {
    fn decide(&self, command: Command) -> Result<bool, Refusal> {
        self.check(&command)?;
        self.orders.command(vec![command]).map_err(not_now)
    }

    fn silences(&self) -> Vec<Silence> {
        let now = self.clock.now();
        self.board.silences().into_iter().filter(|silence| silence.until > now).collect()
    }

    fn deploys(&self) -> Vec<Deploy> {
        self.board.deploys()
    }

    fn notifiers(&self) -> Vec<NotifierRow> {
        self.board.notifiers()
    }

    fn resend(&self, notice: NoticeId, notifier: &str) -> Result<bool, Refusal> {
        if !self.board.notifiers.iter().any(|(id, _)| id == notifier) {
            return Err(Refusal::Unknown(format!("notifier `{}`", shown(notifier))));
        }
        if let Some(row) = self.row(notice, notifier, OutboxStanding::Dead)? {
            let queued = OutboxRow { state: OutboxState::Queued, ..row };
            return self.orders.store(vec![Fact::Outbox(Box::new(queued))]).map_err(not_now);
        }
        for (standing, why) in
            [(OutboxStanding::Queued, "waits already"), (OutboxStanding::Delivered, "was accepted")]
        {
            if self.row(notice, notifier, standing)?.is_some() {
                let detail = format!("notice `{notice}` {why}: only what was given up is resent");
                return Err(Refusal::Conflict(detail));
            }
        }
        Err(Refusal::Unknown(format!("notice `{notice}` for notifier `{notifier}`")))
    }
}

/// Returns the beginning of a text that somebody typed, without what could upset a terminal.
fn shown(text: &str) -> String {
    text.chars().take(40).flat_map(char::escape_default).collect()
}

fn away(error: StoreError) -> Refusal {
    Refusal::NotNow(error.sentence())
}

fn not_now(error: NotTaken) -> Refusal {
    Refusal::NotNow(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::clock::ManualClock;
    use engine::component::{Commit, Incarnation, Store};
    use engine::model::{Alert, AlertDetails, AlertState, Epoch, EventTime, Notice, StateRow};
    use sinks::store::MemoryStore;

    const NOW: EventTime = EventTime::from_secs(1_700_000_000);

    fn notice(n: u128, state: OutboxState) -> OutboxRow {
        let notice = Notice { id: NoticeId(n), ..Notice::default() };
        OutboxRow { notifier: "pager".into(), notice: Arc::new(notice), state }
    }

    fn alert(n: u128, state: AlertState) -> Alert {
        let details = AlertDetails { state, ..AlertDetails::default() };
        Alert { key: AlertKey(n), details, ..Alert::default() }
    }

    fn silence(until: i64) -> Silence {
        Silence { until: EventTime::from_secs(until), ..Silence::default() }.named()
    }

    fn stored(key: &str, value: Option<Vec<u8>>) -> StateRow {
        StateRow { node: "alerts".into(), key: key.into(), value: value.map(Arc::from) }
    }

    fn bytes(value: &impl serde::Serialize) -> Option<Vec<u8>> {
        Some(serde_json::to_vec(value).unwrap())
    }

    fn board() -> AlertBoard {
        AlertBoard {
            nodes: BTreeSet::from(["alerts".to_owned()]),
            notifiers: vec![("pager".to_owned(), "webhook")],
            ..AlertBoard::default()
        }
    }

    /// A desk over an engine that has not started.
    fn desk(board: AlertBoard) -> AlertDesk {
        let mut store = MemoryStore::default();
        let at = EventTime::from_secs(1);
        let dead = OutboxState::Dead { at, reason: "refused".into() };
        let contents = Contents {
            alerts: vec![alert(1, AlertState::Firing), alert(2, AlertState::Resolved)],
            outbox: vec![
                notice(1, dead),
                notice(2, OutboxState::Delivered { at }),
                notice(3, OutboxState::Queued),
            ],
            ..Contents::default()
        };
        store.claim(Incarnation(1), &[]).unwrap();
        let (incarnation, source_ids) = (Incarnation(1), Arc::from([]));
        let epoch = Epoch(1);
        store
            .commit(&Commit { incarnation, predecessor: None, epoch, source_ids, contents })
            .unwrap();
        let clock = Arc::new(ManualClock::at(NOW));
        AlertDesk::new(Orders::default(), store.reader(), clock, Arc::new(board))
    }

    fn acknowledge(alert: u128) -> Command {
        let (by, comment) = (Arc::default(), Arc::default());
        Command::Acknowledge { alert: AlertKey(alert), by, comment }
    }

    #[test]
    fn only_an_open_alert_is_decided_about() {
        let desk = desk(board());
        assert!(matches!(desk.decide(acknowledge(3)), Err(Refusal::Unknown(_))));
        let ended = desk.decide(acknowledge(2)).unwrap_err();
        assert!(ended.to_string().contains("it is resolved"), "{ended}");
        let not_running = desk.decide(acknowledge(1));
        assert!(matches!(not_running, Err(Refusal::NotNow(_))), "{not_running:?}");
    }

    #[test]
    fn without_an_operator_that_hears_of_it_nothing_is_decided() {
        let desk = desk(AlertBoard::default());
        assert!(matches!(desk.decide(acknowledge(1)), Err(Refusal::Conflict(_))));
    }

    #[test]
    fn only_what_was_given_up_is_sent_again() {
        let desk = desk(board());
        let resend = |n: u128| desk.resend(NoticeId(n), "pager").unwrap_err();
        assert!(matches!(resend(1), Refusal::NotNow(_)), "it would be, by a running engine");
        assert!(matches!(resend(2), Refusal::Conflict(_)));
        assert!(matches!(resend(3), Refusal::Conflict(_)));
        assert!(matches!(resend(4), Refusal::Unknown(_)));
        assert!(matches!(desk.resend(NoticeId(1), "mail"), Err(Refusal::Unknown(_))));
    }

    #[test]
    fn decisions_are_known_from_the_store_until_they_end() {
        let (long, short) = (silence(NOW.secs() + 60), silence(NOW.secs() + 30));
        let past = silence(NOW.secs());
        let deploy = Deploy { service: "shop".into(), version: "7".into(), at: NOW };
        let desk = desk(board());
        let key = |silence: &Silence| format!("s/{}", silence.id);
        let recovered = Recovered {
            state: [&long, &past]
                .map(|one| (("alerts".into(), key(one).into()), bytes(one).unwrap().into()))
                .into(),
            ..Recovered::default()
        };
        desk.board.recovered(&recovered);
        assert_eq!(desk.silences(), std::slice::from_ref(&long));
        let other = StateRow { node: "spikes".into(), ..stored("deploys", bytes(&"state")) };
        let state = vec![
            stored(&key(&short), bytes(&short)),
            stored("deploys", bytes(&[&deploy])),
            stored("now", bytes(&NOW)),
            other,
        ];
        desk.board.committed(&Contents { state, ..Contents::default() });
        assert_eq!(desk.silences(), [short.clone(), long.clone()], "what ends first comes first");
        assert_eq!(desk.deploys(), [deploy]);
        let state = vec![stored(&key(&long), None)];
        desk.board.committed(&Contents { state, ..Contents::default() });
        assert_eq!(desk.silences(), std::slice::from_ref(&short));
        let unknown = desk.decide(Command::Unsilence { id: long.id });
        assert!(matches!(unknown, Err(Refusal::Unknown(_))), "{unknown:?}");
    }

    #[test]
    fn a_notifier_is_listed_before_and_after_it_reports() {
        let desk = desk(board());
        let row = NotifierRow { id: "pager".into(), r#type: "webhook".into(), ..<_>::default() };
        assert_eq!(desk.notifiers(), std::slice::from_ref(&row));
        let report = DeliveryReport { delivered: 3, waiting: 1, ..DeliveryReport::default() };
        assert_eq!(desk.board.delivery("pager", &report), None);
        assert_eq!(desk.notifiers(), [NotifierRow { delivered: 3, waiting: 1, ..row }]);
    }
}
