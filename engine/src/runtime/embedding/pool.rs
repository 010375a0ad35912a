//! The threads that embed: they open the model when there is something to embed, and try again later
//! when it is missing or damaged.

use super::desk::Desk;
use crate::component::Embedder;
use crate::model::{KernelClass, TextId, VectorRow};
use crate::runtime::observer::{EmbeddingReport, Observer};
use crate::runtime::shutdown::{StopSignal, StopStage};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Builder;
use std::time::Duration;

/// Texts that a thread takes at a time.
const TAKEN_MAX: usize = 64;
/// How long a thread waits for texts before it looks whether the engine stops.
const PATIENCE: Duration = Duration::from_millis(200);
/// How much other threads come before these, in the system's own measure of 0 to 19.
const NICENESS: i32 = 10;
/// How long to wait after the model could not be opened, first and at most.
pub const RETRY_FIRST: Duration = Duration::from_secs(5);
/// See [`RETRY_FIRST`].
pub const RETRY_MAX: Duration = Duration::from_secs(300);

/// Opens the model; may read files and fetch them, and takes as long as it needs.
pub trait OpenEmbedder: Send + Sync {
    /// Returns the class of the vectors that its embedder makes, without opening it.
    fn kernel(&self) -> KernelClass;
    /// Returns the embedder, or a sentence that says why there is none and what to do.
    fn open(&self) -> Result<Arc<dyn Embedder>, String>;
}

/// What the pool's threads share.
struct Pool {
    desk: Desk,
    opener: Arc<dyn OpenEmbedder>,
    opened: Mutex<Option<Arc<dyn Embedder>>>,
    observer: Arc<dyn Observer>,
    stop: StopSignal,
}

/// Starts `threads` threads; they end soon after the engine begins to stop. What waits then is embedded
/// by the next process.
pub(crate) fn start(
    desk: &Desk,
    opener: Arc<dyn OpenEmbedder>,
    observer: Arc<dyn Observer>,
    stop: StopSignal,
    threads: usize,
) -> std::io::Result<()> {
    let opened = Mutex::new(None);
    let pool = Arc::new(Pool { desk: desk.clone(), opener, opened, observer, stop });
    for index in 0..threads {
        let pool = Arc::clone(&pool);
        Builder::new().name(format!("embed-{index}")).spawn(move || pool.run())?;
    }
    Ok(())
}

impl Pool {
    fn run(&self) {
        // Whatever else has work goes first. Where that cannot be said, they share alike.
        let _ = rustix::process::nice(NICENESS);
        let mut retry = RETRY_FIRST;
        while !self.stops() {
            let texts = self.desk.take(TAKEN_MAX, PATIENCE);
            if texts.is_empty() {
                continue;
            }
            match self.embedder() {
                Ok(embedder) => {
                    retry = RETRY_FIRST;
                    self.embed(&*embedder, texts);
                }
                Err(sentence) => {
                    self.desk.lay_back(texts);
                    self.report(Some(sentence));
                    self.pause(retry);
                    retry = (retry * 2).min(RETRY_MAX);
                }
            }
        }
    }

    fn stops(&self) -> bool {
        self.stop.stage() > StopStage::Running
    }

    fn pause(&self, at_most: Duration) {
        self.stop.wait(StopStage::Draining, at_most);
    }

    /// Returns the embedder; only one thread opens it.
    fn embedder(&self) -> Result<Arc<dyn Embedder>, String> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(embedder) = &*opened {
            return Ok(Arc::clone(embedder));
        }
        self.report(None);
        let embedder = self.opener.open()?;
        *opened = Some(Arc::clone(&embedder));
        self.report(None);
        Ok(embedder)
    }

    fn embed(&self, embedder: &dyn Embedder, texts: Vec<(TextId, Arc<str>)>) {
        let words: Vec<&str> = texts.iter().map(|(_, text)| &**text).collect();
        let mut trouble = None;
        for chunk in embedder.chunks(&words) {
            let some: Vec<&str> = chunk.iter().map(|&at| words[at]).collect();
            match embedder.vectors(&some) {
                Ok(vectors) => {
                    let kernel = embedder.kernel();
                    let rows = chunk.iter().zip(&vectors);
                    let rows =
                        rows.map(|(&at, vector)| VectorRow::new(texts[at].0, kernel, vector));
                    self.desk.answer(rows.collect());
                }
                // A text that cannot be embedded stays without a vector: its pattern is an issue of
                // its own.
                Err(error) => {
                    chunk.iter().for_each(|&at| self.desk.give_up(texts[at].0));
                    trouble = Some(error.to_string());
                }
            }
        }
        self.report(trouble);
    }

    fn report(&self, trouble: Option<String>) {
        let (computed, pending) = (self.desk.computed(), self.desk.pending());
        self.observer.embedding(&EmbeddingReport { computed, pending, trouble });
    }
}
