//! The sources of a running engine: started, paused, resumed, added and removed one by one, each on a
//! thread of its own, without touching another (I7).
//!
//! ```text
//! add ──► table (an index for ever) ──► slot ──start──► thread: supervise ──► queues
//! pause ──► its own stop ──► thread ends, its place is kept ──resume──► a thread that goes on there
//! ```
//! What people change is stored as operator state of the node [`NODE`], in the order of epochs, and found
//! again by the next start. The engine ends when no source is running or paused.
//! *State and limits:* one slot a source, [`SourceTable::SOURCES_MAX`] in one life of the process.

use super::beats::CatchingUp;
use super::commit::Backlog;
use super::intake::{Queues, SourceIntake, Wakers};
use super::observer::Observer;
use super::reader::Request;
use super::receipts::Receipts;
use super::shutdown::{StopSignal, StopStage};
use super::supervise::{SourceEnd, supervise};
use crate::clock::Clock;
use crate::component::{NoIndex, Recovered, Source, SourceDefaults, SourceTable};
use crate::model::{Epoch, Fact, Offset, PartitionId, SourceIndex, StateRow};
use crossbeam_channel::{Sender, bounded};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

/// The node under which sources that people changed are stored; no node of a graph file has such an id.
pub const NODE: &str = "@sources";
/// How long a change waits for its commit before it is reported as not yet durable.
pub const COMMIT_WAIT: Duration = Duration::from_secs(5);
/// How often it looks.
const COMMIT_POLL: Duration = Duration::from_millis(5);

/// Changes that may wait for the next epoch.
pub(super) const REQUESTS_MAX: usize = 64;

/// What is stored of a source that people changed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StoredSource {
    /// `type` and options of a source that was added; `None` for one of the graph file.
    pub options: Option<Json>,
    /// Whether it is paused.
    pub paused: bool,
}

/// Returns what people changed before the last stop, by id.
pub fn stored_sources(recovered: &Recovered) -> BTreeMap<String, StoredSource> {
    let rows = recovered.state.iter().filter(|((node, _), _)| &**node == NODE);
    let read = rows.filter_map(|((_, id), value)| match serde_json::from_slice(value) {
        Ok(source) => Some((id.to_string(), source)),
        Err(error) => {
            tracing::error!("source {id:?} was added but cannot be read from the store: {error}");
            None
        }
    });
    read.collect()
}

/// A source as its slot knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct SlotView {
    /// Its index.
    pub index: SourceIndex,
    /// Its id.
    pub id: String,
    /// Its component type.
    pub component: &'static str,
    /// What is stored of it.
    pub stored: StoredSource,
    /// How its thread ended; `None` while it runs.
    pub end: Option<SourceEnd>,
}

/// Why a source was not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotChanged {
    /// The engine has not recovered yet, or is stopping.
    #[error("the engine is not running")]
    NotRunning,
    /// There is no such source.
    #[error("there is no source `{0}`")]
    Unknown(String),
    /// A source of that id is there.
    #[error("there is a source `{0}` already")]
    Exists(String),
    /// Only the graph file can remove it.
    #[error("source `{0}` is in the graph file: take it out there, or pause it")]
    InFile(String),
    /// It got no index.
    #[error(transparent)]
    NoIndex(#[from] NoIndex),
    /// It has read everything, or failed for good.
    #[error("source `{0}` has ended")]
    Ended(String),
    /// The system refused a thread.
    #[error("cannot start a thread: {0}")]
    Thread(String),
}

/// A source that is ready to run.
pub struct Prepared {
    /// Its id, service and time zone.
    pub defaults: SourceDefaults,
    /// Its component type.
    pub component: &'static str,
    /// The source.
    pub source: Box<dyn Source>,
    /// What is stored of it.
    pub stored: StoredSource,
}

/// What the sources of this process share; see the module.
pub(super) struct Ground {
    pub(super) table: SourceTable,
    pub(super) wakers: Arc<Wakers>,
    pub(super) stop: StopSignal,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) observer: Arc<dyn Observer>,
    pub(super) receipts: Receipts,
    pub(super) backlog: Arc<Backlog>,
    pub(super) requests: Sender<Request>,
    pub(super) catching_up: CatchingUp,
}

impl Ground {
    /// Returns what orders travel through.
    pub(super) fn orders(&self) -> super::orders::Ground {
        super::orders::Ground {
            requests: self.requests.clone(),
            wakers: Arc::clone(&self.wakers),
            backlog: Arc::clone(&self.backlog),
            stop: self.stop.clone(),
        }
    }
}

/// A handle on the sources of an engine; does nothing until the engine has started. Cheap to clone.
#[derive(Clone, Default)]
pub struct Sources(Arc<Mutex<Option<Running>>>);

struct Running {
    ground: Ground,
    /// Closed when no source is left that could hand anything over.
    queues: Option<Queues>,
    slots: BTreeMap<SourceIndex, Slot>,
    /// Where sources go on that are stored and not here.
    strangers: BTreeMap<String, BTreeMap<PartitionId, Offset>>,
}

struct Slot {
    component: &'static str,
    source: Arc<dyn Source>,
    stored: StoredSource,
    is_removed: bool,
    /// Where it goes on when it is started again.
    place: Place,
    stop: StopSignal,
    end: Option<SourceEnd>,
    thread: Option<JoinHandle<()>>,
}

/// What a source has handed over so far, kept between its threads.
#[derive(Default)]
struct Place {
    offsets: BTreeMap<PartitionId, Offset>,
    dealt: BTreeMap<PartitionId, usize>,
    /// Whether it has handed over anything in this life of the engine.
    has_sent: bool,
}

impl Place {
    fn at(offsets: BTreeMap<PartitionId, Offset>) -> Place {
        Place { offsets, ..Place::default() }
    }
}

impl Slot {
    /// Returns a slot whose source has not been started.
    fn new(prepared: Prepared, place: Place, stop: StopSignal) -> Slot {
        let Prepared { defaults: _, component, source, stored } = prepared;
        let end = stored.paused.then_some(SourceEnd::Stopped);
        let source = Arc::from(source);
        Slot { component, source, stored, is_removed: false, place, stop, end, thread: None }
    }

    /// Returns whether it may still hand something over.
    fn is_alive(&self) -> bool {
        self.end.is_none() || (self.stored.paused && !self.is_removed)
    }
}

impl Sources {
    /// Begins the life of the sources of an engine. `strangers` are the places of sources that are stored
    /// and not among those that start.
    pub(super) fn open(
        &self,
        ground: Ground,
        queues: Queues,
        strangers: BTreeMap<String, BTreeMap<PartitionId, Offset>>,
    ) {
        let (queues, slots) = (Some(queues), BTreeMap::new());
        *self.lock() = Some(Running { ground, queues, slots, strangers });
    }

    /// Starts a source that has an index already, at `offsets`; a paused one waits.
    pub(super) fn start(
        &self,
        index: SourceIndex,
        prepared: Prepared,
        offsets: BTreeMap<PartitionId, Offset>,
    ) -> Result<(), NotChanged> {
        let mut guard = self.lock();
        let running = guard.as_mut().ok_or(NotChanged::NotRunning)?;
        let slot = Slot::new(prepared, Place::at(offsets), running.ground.stop.child());
        running.slots.insert(index, slot);
        self.run(running, index)
    }

    /// Lets the engine end as soon as no source is left: all that start with it have been started.
    pub(super) fn settle(&self) {
        if let Some(running) = self.lock().as_mut() {
            running.close_if_idle();
        }
    }

    /// Lets the engine end although sources are paused.
    pub(super) fn stopping(&self) {
        if let Some(running) = self.lock().as_mut() {
            running.close();
        }
    }

    /// Waits for every thread; returns the id of a source that failed for good.
    pub(super) fn join(&self) -> Result<Option<String>, String> {
        let threads: Vec<_> = match self.lock().as_mut() {
            Some(running) => running.slots.values_mut().filter_map(|s| s.thread.take()).collect(),
            None => Vec::new(),
        };
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().map_err(|_| "a source thread".to_owned()))?;
        let slots = self.list();
        let failed = slots.into_iter().find(|slot| slot.end == Some(SourceEnd::Failed));
        Ok(failed.map(|slot| slot.id))
    }

    /// Returns every source that was not removed, by index.
    pub fn list(&self) -> Vec<SlotView> {
        let guard = self.lock();
        let Some(running) = guard.as_ref() else { return Vec::new() };
        running
            .slots
            .iter()
            .filter(|(_, slot)| !slot.is_removed)
            .map(|(index, _)| running.view(*index))
            .collect()
    }

    /// Adds a source, stores it, and starts it. Returns it, and whether that is committed.
    pub fn add(&self, prepared: Prepared) -> Result<(SlotView, bool), NotChanged> {
        let mut guard = self.lock();
        let running = guard.as_mut().ok_or(NotChanged::NotRunning)?;
        if running.queues.is_none() {
            return Err(NotChanged::NotRunning);
        }
        let id = prepared.defaults.id.clone();
        let index = running.ground.table.add(prepared.defaults.clone())?;
        let place = match running.slots.get_mut(&index) {
            Some(slot) if !slot.is_removed || slot.end.is_none() => {
                return Err(NotChanged::Exists(id));
            }
            Some(slot) => std::mem::take(&mut slot.place),
            None => Place::at(running.strangers.remove(&id).unwrap_or_default()),
        };
        let slot = Slot::new(prepared, place, running.ground.stop.child());
        running.slots.insert(index, slot);
        running.ground.observer.source_added(index, &id);
        self.run(running, index)?;
        self.store(guard, index)
    }

    /// Pauses a source, or lets it go on.
    pub fn pause(&self, id: &str, paused: bool) -> Result<(SlotView, bool), NotChanged> {
        let mut guard = self.lock();
        let running = guard.as_mut().ok_or(NotChanged::NotRunning)?;
        let index = running.find(id)?;
        if let Some(slot) = running.slots.get_mut(&index)
            && slot.stored.paused != paused
        {
            if paused && slot.end.is_some() {
                return Err(NotChanged::Ended(id.to_owned()));
            }
            slot.stored.paused = paused;
            if paused {
                slot.stop.raise(StopStage::Draining);
            } else if slot.end == Some(SourceEnd::Stopped) {
                slot.end = None;
                self.run(running, index)?;
            }
        }
        self.store(guard, index)
    }

    /// Removes a source that was added; returns whether that is committed. Waits for its thread, so that it
    /// can be added again at once; one that does not end in time is reported as not yet durable.
    pub fn remove(&self, id: &str) -> Result<bool, NotChanged> {
        let mut guard = self.lock();
        let running = guard.as_mut().ok_or(NotChanged::NotRunning)?;
        let index = running.find(id)?;
        if let Some(slot) = running.slots.get_mut(&index) {
            if slot.stored.options.is_none() {
                return Err(NotChanged::InFile(id.to_owned()));
            }
            slot.is_removed = true;
            slot.stop.raise(StopStage::Draining);
        }
        running.ground.observer.source_removed(index);
        running.close_if_idle();
        let (_, is_durable) = self.store(guard, index)?;
        Ok(is_durable & self.has_ended(index))
    }

    /// Waits until the thread of a source has ended.
    fn has_ended(&self, index: SourceIndex) -> bool {
        let deadline = Instant::now() + COMMIT_WAIT;
        let runs = |running: &Running| {
            running.slots.get(&index).is_some_and(|slot| slot.is_removed && slot.end.is_none())
        };
        loop {
            let (is_running, stop) = match self.lock().as_ref() {
                Some(running) => (runs(running), running.ground.stop.clone()),
                None => return true,
            };
            if !is_running {
                return true;
            }
            if Instant::now() >= deadline || stop.wait(StopStage::Abandoned, COMMIT_POLL) {
                return false;
            }
        }
    }

    /// Starts the thread of a source, unless it is paused.
    fn run(&self, running: &mut Running, index: SourceIndex) -> Result<(), NotChanged> {
        let (Some(queues), Some(slot)) = (running.queues.clone(), running.slots.get_mut(&index))
        else {
            return Err(NotChanged::NotRunning);
        };
        if slot.stored.paused {
            running.ground.observer.source(index, super::observer::SourceReport::Paused);
            return Ok(());
        }
        slot.stop = running.ground.stop.child();
        let place = std::mem::take(&mut slot.place);
        let mut intake = SourceIntake {
            source: index,
            queues,
            wakers: Arc::clone(&running.ground.wakers),
            stop: slot.stop.clone(),
            clock: Arc::clone(&running.ground.clock),
            observer: Arc::clone(&running.ground.observer),
            offsets: place.offsets,
            dealt: place.dealt,
            receipts: running.ground.receipts.clone(),
            catching_up: (running.ground.catching_up.clone(), false),
            has_sent: place.has_sent,
        };
        let (source, sources) = (Arc::clone(&slot.source), self.clone());
        let name = running.ground.table.get(usize::from(index.0));
        let name = name.map_or_else(String::new, |source| format!("source-{}", source.id));
        let supervised = move || {
            let end = supervise(source.as_ref(), &mut intake);
            sources.ended(index, end, intake);
        };
        let thread = Builder::new().name(name).spawn(supervised);
        slot.thread = Some(thread.map_err(|error| NotChanged::Thread(error.to_string()))?);
        slot.end = None;
        Ok(())
    }

    /// Takes note that a source's thread ends; the last thing that the thread does.
    fn ended(&self, index: SourceIndex, end: SourceEnd, mut intake: SourceIntake) {
        let mut guard = self.lock();
        let Some(running) = guard.as_mut() else { return };
        if let Some(slot) = running.slots.get_mut(&index) {
            slot.place = Place {
                offsets: std::mem::take(&mut intake.offsets),
                dealt: std::mem::take(&mut intake.dealt),
                has_sent: intake.has_sent,
            };
            drop(intake);
            slot.end = Some(end);
            if slot.stored.paused && !slot.is_removed {
                running.ground.observer.source(index, super::observer::SourceReport::Paused);
            } else if end == SourceEnd::Stopped
                && !slot.is_removed
                && running.ground.stop.stage() == StopStage::Running
            {
                // It was resumed before it had stopped.
                let _refused = self.run(running, index);
            }
        }
        running.close_if_idle();
    }

    /// Stores what is to be known of a source after a restart, and waits for the commit.
    fn store(
        &self,
        guard: MutexGuard<'_, Option<Running>>,
        index: SourceIndex,
    ) -> Result<(SlotView, bool), NotChanged> {
        let running = guard.as_ref().ok_or(NotChanged::NotRunning)?;
        let (view, slot) = (running.view(index), running.slots.get(&index));
        let is_plain = view.stored == StoredSource::default();
        let keep = slot.is_some_and(|slot| !slot.is_removed) && !is_plain;
        let value = keep.then(|| serde_json::to_vec(&view.stored).unwrap_or_default());
        let row = StateRow {
            node: NODE.into(),
            key: view.id.as_str().into(),
            value: value.map(Arc::from),
        };
        let (epoch, answer) = bounded(1);
        let sent = running.ground.requests.try_send(Request {
            facts: vec![Fact::State(row)],
            commands: Vec::new(),
            epoch,
        });
        let (backlog, stop) = (Arc::clone(&running.ground.backlog), running.ground.stop.clone());
        running.ground.wakers.wake_all();
        drop(guard);
        let deadline = Instant::now() + COMMIT_WAIT;
        let epoch = sent.ok().and_then(|()| answer.recv_deadline(deadline).ok());
        Ok((view, epoch.is_some_and(|epoch| is_committed(&backlog, &stop, epoch, deadline))))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Running>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    fn find(&self, id: &str) -> Result<SourceIndex, NotChanged> {
        let is_it = |index: &SourceIndex| {
            self.ground.table.get(usize::from(index.0)).is_some_and(|source| source.id == id)
        };
        let mut slots = self.slots.iter().filter(|(_, slot)| !slot.is_removed).map(|(i, _)| *i);
        slots.find(is_it).ok_or_else(|| NotChanged::Unknown(id.to_owned()))
    }

    fn view(&self, index: SourceIndex) -> SlotView {
        let id = self.ground.table.get(usize::from(index.0));
        let slot = self.slots.get(&index);
        SlotView {
            index,
            id: id.map(|source| source.id.clone()).unwrap_or_default(),
            component: slot.map_or("", |slot| slot.component),
            stored: slot.map(|slot| slot.stored.clone()).unwrap_or_default(),
            end: slot.and_then(|slot| slot.end),
        }
    }

    /// Closes the queues when nobody can use them any more.
    fn close_if_idle(&mut self) {
        if !self.slots.values().any(Slot::is_alive) {
            self.close();
        }
    }

    fn close(&mut self) {
        self.queues = None;
        self.ground.wakers.wake_all();
    }
}

/// Waits until an epoch is committed.
pub(super) fn is_committed(
    backlog: &Backlog,
    stop: &StopSignal,
    epoch: Epoch,
    deadline: Instant,
) -> bool {
    while backlog.committed.load(Ordering::Acquire) < epoch.0 {
        if Instant::now() >= deadline || stop.wait(StopStage::Abandoned, COMMIT_POLL) {
            return false;
        }
    }
    true
}
