//! A source that hands over what was read before the clock started, so that a measurement of the
//! dataflow does not measure the disk and the thread that reads it.

use anyhow::{Context, Result, ensure};
use engine::component::{Delivery, Intake, Source, SourceError};
use engine::model::{Offset, PartitionId};
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The most that is held in memory.
const BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;
/// How long to wait between two looks at whether the engine stops, once everything is handed over.
const IDLE: Duration = Duration::from_millis(5);

/// Files in pieces of whole lines, a partition each.
pub struct MemorySource {
    deliveries: Mutex<VecDeque<Delivery>>,
}

impl MemorySource {
    /// Reads `files`; their pieces take turns.
    #[allow(clippy::disallowed_methods, reason = "bounded just above the call")]
    pub fn read(files: &[PathBuf]) -> Result<Self> {
        let mut pieces = Vec::new();
        for (index, file) in files.iter().enumerate() {
            let size = std::fs::metadata(file).map(|found| found.len());
            let size = size.with_context(|| format!("cannot look at {}", file.display()))?;
            ensure!(size <= BYTES_MAX, "{} is too large to be held", file.display());
            let bytes =
                std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
            let partition = PartitionId(format!("file {index}").into());
            pieces.push(split(&partition, &bytes));
        }
        let longest = pieces.iter().map(Vec::len).max().unwrap_or(0);
        let mut pieces: Vec<_> = pieces.into_iter().map(Vec::into_iter).collect();
        let mut deliveries = VecDeque::new();
        for _ in 0..longest {
            deliveries.extend(pieces.iter_mut().filter_map(Iterator::next));
        }
        Ok(Self { deliveries: Mutex::new(deliveries) })
    }
}

/// Cuts `bytes` behind line ends into pieces of the size that readers aim for.
fn split(partition: &PartitionId, mut bytes: &[u8]) -> Vec<Delivery> {
    let mut deliveries = Vec::new();
    while !bytes.is_empty() {
        let at_most = &bytes[..bytes.len().min(Delivery::BYTES_AIM)];
        let cut =
            at_most.iter().rposition(|byte| *byte == b'\n').map_or(at_most.len(), |last| last + 1);
        let (piece, rest) = bytes.split_at(cut);
        bytes = rest;
        deliveries.push(Delivery {
            partition: partition.clone(),
            bytes: piece.to_vec(),
            end: Some(Offset(rest.len().to_string())),
            received: None,
            lines_cut: 0,
            lost_bytes: 0,
            lag_bytes: rest.len() as u64,
        });
    }
    deliveries
}

impl Source for MemorySource {
    fn run(&self, intake: &mut dyn Intake) -> Result<(), SourceError> {
        let mut deliveries = self.deliveries.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(delivery) = deliveries.pop_front() {
            intake.send(delivery)?;
        }
        loop {
            intake.wait(IDLE)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_whole_lines_and_lose_nothing() {
        let bytes = b"one line of text\n".repeat(40_000);
        let pieces = split(&PartitionId("file".into()), &bytes);
        assert!(pieces.len() > 2);
        assert!(pieces.iter().all(|piece| piece.bytes.ends_with(b"\n")));
        assert_eq!(pieces.iter().flat_map(|piece| piece.bytes.clone()).collect::<Vec<_>>(), bytes);
    }
}
