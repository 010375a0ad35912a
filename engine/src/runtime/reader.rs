//! The multi-source operator: one per worker, the only place where input enters the dataflow and
//! where epochs are opened. Sources are data to it, so a dead source cannot hold the frontier (I7).
//!
//! *Picture:* queue of chunks ──► stream of chunks of each source, and their offsets as facts.
//! *Frontier:* holds the open epoch; moves on with [`Epochs`] whether or not there is input, except that
//! an epoch stays open for up to [`CATCH_UP_EPOCH_MAX`] and [`CATCH_UP_BYTES_MAX`] while input waits all
//! the time (whoever catches up wants few, large commits: 5 M lines took 7.8 s of CPU with an epoch every
//! 100 ms, 6.0 s so; the bytes bound what an epoch holds in memory, however fast the machine is). Lets
//! go of everything when all sources are finished or the stop is abandoned. *State and limits:* none but
//! the queue (`intake`); drains at most [`DRAIN_BYTES_MAX`] per scheduling and nothing while
//! [`FACTS_PENDING_MAX`] facts wait for the store.

use super::beats::Beats;
use super::commit::Backlog;
use super::epochs::Epochs;
use super::intake::Wakers;
use super::shutdown::{StopSignal, StopStage};
use crate::dataflow::{
    AsCollection, Capability, Collection, DataflowTime, MutableAntichain, OperatorBuilder, Output,
    Scope, Stream,
};
use crate::model::{Account, Chunk, Command, Control, Counter, Epoch, Fact, Progress};
use crossbeam_channel::{Receiver, Sender, TryRecvError};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Bytes taken from the queue in one scheduling, about a millisecond's work per MiB.
pub const DRAIN_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Facts that may wait for the store before input stops.
pub const FACTS_PENDING_MAX: usize = 1_000_000;

/// How long an epoch may stay open while the queue never runs empty.
pub const CATCH_UP_EPOCH_MAX: Duration = Duration::from_secs(1);
/// How much an epoch may take in while it is open for longer than usual.
pub const CATCH_UP_BYTES_MAX: usize = 80 * 1024 * 1024;

/// What somebody outside the dataflow wants stored, or heard by operators.
pub struct Request {
    /// What to store.
    pub facts: Vec<Fact>,
    /// What operators are to hear.
    pub commands: Vec<Command>,
    /// Where to say with which epoch it will be.
    pub epoch: Sender<Epoch>,
}

/// What the operator needs besides the dataflow.
pub struct Reader {
    /// Requests for this worker; only one worker gets any.
    pub requests: Option<Receiver<Request>>,
    /// When operators hear of time.
    pub beats: Beats,
    /// Chunks for this worker.
    pub queue: Receiver<Chunk>,
    /// Number of sources that have a stream of their own; those that are added later share one more.
    pub sources: usize,
    /// How epochs are numbered.
    pub epochs: Epochs,
    /// When this life of the engine began.
    pub started: Instant,
    /// Where other threads find this worker.
    pub wakers: Arc<Wakers>,
    /// How much waits for the store.
    pub backlog: Arc<Backlog>,
    /// Whether the engine stops.
    pub stop: StopSignal,
}

/// Outputs behind those of the sources: that of all that are added, that of facts, that of controls.
const FACTS: usize = 1;
const CONTROLS: usize = 2;

/// Everything that moves while the operator runs.
struct Running {
    reader: Reader,
    outputs: Vec<Output<Chunk>>,
    facts: Output<Fact>,
    controls: Output<(Control, DataflowTime, isize)>,
    capabilities: Vec<Capability<DataflowTime>>,
    chunks: u64,
    /// When the open epoch was opened, and whether the queue has run empty since.
    opened: Instant,
    kept_up: bool,
    /// Bytes taken in since.
    bytes: usize,
    wake_at: Option<Instant>,
    activator: crate::dataflow::Activator,
}

/// What the operator puts out.
pub struct Read<'s> {
    /// One stream of chunks per source, and one for all that are added.
    pub chunks: Vec<Stream<'s, Chunk>>,
    /// The facts of reading.
    pub facts: Stream<'s, Fact>,
    /// Time and commands, from the worker that hears of them.
    pub controls: Collection<'s, Control>,
}

/// Builds the operator.
pub fn reader<'s>(scope: Scope<'s, DataflowTime>, reader: Reader) -> Read<'s> {
    let mut builder = OperatorBuilder::new("reader".to_owned(), scope);
    let (outputs, streams): (Vec<_>, Vec<_>) = (0..=reader.sources)
        .map(|_| {
            let (output, stream) = builder.new_output();
            (Output::from(output), stream)
        })
        .unzip();
    let (facts, fact_stream) = builder.new_output();
    let (controls, control_stream) = builder.new_output();
    let address = builder.operator_info().address;
    reader.wakers.add(scope.index(), scope.worker().sync_activator_for(address.to_vec()));
    let activator = scope.activator_for(address);
    builder.build(move |capabilities| {
        let mut running = Running {
            reader,
            outputs,
            facts: Output::from(facts),
            controls: Output::from(controls),
            capabilities,
            chunks: 0,
            opened: Instant::now(),
            // The first epoch is short, so that even a crash loop makes progress.
            kept_up: true,
            bytes: 0,
            wake_at: None,
            activator,
        };
        move |_frontiers: &[MutableAntichain<DataflowTime>]| running.schedule()
    });
    Read { chunks: streams, facts: fact_stream, controls: control_stream.as_collection() }
}

impl Running {
    fn schedule(&mut self) {
        if self.capabilities.is_empty() {
            return;
        }
        if self.reader.stop.stage() == StopStage::Abandoned {
            self.capabilities.clear();
            return;
        }
        self.open_epoch();
        self.take_requests();
        let due = self.reader.beats.due(self.chunks);
        self.tell(due);
        if self.reader.backlog.facts.load(Ordering::Relaxed) < FACTS_PENDING_MAX {
            match self.drain() {
                Drained::Empty => self.kept_up = true,
                Drained::More => self.activator.activate(),
                Drained::Ended => {
                    let last = self.reader.beats.last();
                    self.tell(last);
                    self.capabilities.clear();
                    return;
                }
            }
        }
        self.wake_at_close();
    }

    /// Moves the capabilities to the epoch that is open now.
    fn open_epoch(&mut self) {
        let open = self.reader.epochs.open(self.reader.started.elapsed(), self.chunks);
        let behind = self.capabilities.iter().any(|capability| *capability.time() < open.0);
        if !behind || self.may_extend() {
            return;
        }
        for capability in &mut self.capabilities {
            capability.downgrade(&open.0);
        }
        (self.opened, self.kept_up, self.bytes) = (Instant::now(), false, 0);
    }

    fn may_extend(&self) -> bool {
        !self.kept_up
            && self.bytes < CATCH_UP_BYTES_MAX
            && self.opened.elapsed() < CATCH_UP_EPOCH_MAX
            && self.reader.epochs.are_timed()
    }

    fn take_requests(&mut self) {
        let Some(requests) = self.reader.requests.clone() else { return };
        for Request { facts, commands, epoch } in requests.try_iter() {
            let Some(capability) = self.capabilities.get(self.reader.sources + FACTS) else {
                return;
            };
            self.facts.activate().session(capability).give_iterator(facts.into_iter());
            // Whoever asked may have gone.
            let _ = epoch.send(Epoch(*capability.time()));
            let beats = &self.reader.beats;
            let controls = commands.into_iter().map(|command| beats.command(command)).collect();
            self.tell(controls);
        }
    }

    /// Lets operators hear of controls.
    fn tell(&mut self, controls: Vec<Control>) {
        let Some(capability) = self.capabilities.get(self.reader.sources + CONTROLS) else {
            return;
        };
        let epoch = *capability.time();
        let rows = controls.into_iter().map(|control| (control, epoch, 1));
        self.controls.activate().session(capability).give_iterator(rows);
    }

    fn drain(&mut self) -> Drained {
        let mut bytes = 0;
        while bytes < DRAIN_BYTES_MAX {
            match self.reader.queue.try_recv() {
                Ok(chunk) => {
                    bytes += chunk.bytes.len();
                    self.bytes += chunk.bytes.len();
                    self.pass_on(chunk);
                    self.chunks += 1;
                    let due = self.reader.beats.due(self.chunks);
                    self.tell(due);
                    self.open_epoch();
                }
                Err(TryRecvError::Empty) => return Drained::Empty,
                Err(TryRecvError::Disconnected) => return Drained::Ended,
            }
        }
        Drained::More
    }

    fn pass_on(&mut self, chunk: Chunk) {
        let source = chunk.source;
        let account = |counter, n: u64| Fact::Account(Account { source, counter, n: n as i64 });
        let mut facts = vec![Fact::Progress(Progress {
            source,
            partition: chunk.partition.clone(),
            offset: chunk.end.clone(),
            lag_bytes: chunk.lag_bytes,
            received: chunk.received,
        })];
        if chunk.lines_cut > 0 {
            facts.push(account(Counter::LinesCut, chunk.lines_cut));
        }
        if chunk.lost_bytes > 0 {
            facts.push(account(Counter::LostBytes, chunk.lost_bytes));
        }
        if let Some(fact_capability) = self.capabilities.get(self.reader.sources + FACTS) {
            self.facts.activate().session(fact_capability).give_iterator(facts.into_iter());
        }
        let index = usize::from(source.0).min(self.reader.sources);
        // A partition that ends lets go of what is remembered of it.
        if !chunk.bytes.is_empty() || chunk.end.is_none() {
            self.outputs[index].activate().session(&self.capabilities[index]).give(chunk);
        }
    }

    /// Asks to be scheduled when the open epoch closes, unless that has been asked already.
    fn wake_at_close(&mut self) {
        let now = Instant::now();
        let Some(delay) = self.reader.epochs.closes_in(self.reader.started.elapsed()) else {
            return;
        };
        if self.wake_at.is_none_or(|at| at <= now) {
            self.wake_at = Some(now + delay);
            self.activator.activate_after(delay.max(Duration::from_micros(100)));
        }
    }
}

enum Drained {
    Empty,
    More,
    Ended,
}
