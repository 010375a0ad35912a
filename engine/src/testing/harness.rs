//! Runs stages on given chunks: any order, any number of workers, any recovered state, no threads but
//! the workers, no clock.
//!
//! It is the runtime's own dataflow (`reader`, stages, `outputs`) with a list in place of the
//! committer, so what it shows is what would have been committed.

use crate::component::Recovered;
use crate::dataflow::{CommunicationConfig, Config, WorkerConfig, execute};
use crate::model::{Chunk, Control, Epoch, Fact};
use crate::runtime::{
    Around, Beats, CompletedEpoch, Epochs, Pace, Reader, Shape, StopSignal, build,
};
use crossbeam_channel::bounded;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Input for [`run`].
pub struct Script {
    /// Chunks of each worker, in order of arrival; the length is the number of workers.
    pub chunks: Vec<Vec<Chunk>>,
    /// Chunks of a worker that share an epoch.
    pub chunks_per_epoch: u64,
    /// What operators hear of besides, each after so many chunks of the first worker.
    pub controls: Vec<(u64, Control)>,
    /// State before the first chunk.
    pub recovered: Recovered,
}

/// Runs `shape` over `script` to the end and returns what each epoch wants stored.
///
/// # Panics
/// If a worker does.
pub fn run(shape: Shape, script: Script) -> Vec<(Epoch, Vec<Fact>)> {
    let workers = script.chunks.len().max(1);
    let epochs = Epochs::after(script.recovered.epoch, Pace::Chunks(script.chunks_per_epoch));
    let recovered = Arc::new(script.recovered);
    let controls = Mutex::new(script.controls);
    let queues: Vec<_> = script
        .chunks
        .into_iter()
        .map(|chunks| {
            let (sender, receiver) = bounded(chunks.len().max(1));
            chunks.into_iter().for_each(|chunk| sender.send(chunk).expect("there is room"));
            Some(receiver)
        })
        .collect();
    // Room for every epoch there can be: one per chunk, and one for corrections.
    let capacity = queues.iter().flatten().map(|queue| queue.len() + 2).sum();
    let (sender, completed) = bounded::<CompletedEpoch>(capacity);
    let (queues, sender) = (Mutex::new(queues), Mutex::new(Some(sender)));
    let shape = Arc::new(shape);
    let communication = match workers {
        1 => CommunicationConfig::Thread,
        n => CommunicationConfig::Process(n),
    };
    let config = Config { communication, worker: WorkerConfig::default() };
    let around = Around::default();
    let guards = execute(config, move |worker| {
        let index = worker.index();
        let queue = queues.lock().expect("no worker panicked")[index].take();
        let sender = sender.lock().expect("no worker panicked").take_if(|_| index == 0);
        let input = Reader {
            queue: queue.expect("each worker starts once"),
            requests: None,
            beats: match index {
                0 => Beats::Scripted(
                    std::mem::take(&mut *controls.lock().expect("no worker panicked")).into(),
                ),
                _ => Beats::Silent,
            },
            sources: shape.streams(),
            epochs,
            started: Instant::now(),
            wakers: Arc::default(),
            backlog: Arc::default(),
            stop: StopSignal::default(),
        };
        worker.dataflow(|scope| {
            build(scope, &shape, input, &recovered, sender, &around);
        });
        while worker.step_or_park(Some(Duration::from_millis(1))) {}
    })
    .expect("workers start");
    for outcome in guards.join() {
        outcome.expect("no worker panics");
    }
    completed.try_iter().map(|done| (done.epoch, done.facts)).collect()
}
