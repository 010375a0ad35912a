//! The verb `model embed`: a vector for each line, on all processors.
//!
//! *Limits:* [`BATCH_LINES`] lines are in memory at once; a line is cut at [`LINE_BYTES_MAX`].

use crate::failure::Failure;
use anyhow::Context;
use encoder::{DIMENSIONS, Encoder, EncoderError, Room, plan};
use serde::Serialize;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Lines that are embedded together.
const BATCH_LINES: usize = 512;
/// What is beyond in a line is skipped; more than [`encoder::TEXT_BYTES_MAX`], which is looked at.
const LINE_BYTES_MAX: u64 = 1 << 20;

/// A line of the result.
#[derive(Serialize)]
struct Line<'a> {
    text: &'a str,
    vector: &'a [f32],
}

/// Writes a vector for each line of `input` (`-`: standard input) to standard output.
pub fn embed(encoder: &Encoder, input: &Path, threads: usize) -> Result<(), Failure> {
    let reader: Box<dyn Read> = if input == Path::new("-") {
        Box::new(std::io::stdin())
    } else {
        let file = File::open(input);
        Box::new(file.with_context(|| format!("cannot read {}", input.display()))?)
    };
    let mut lines = Lines { input: BufReader::new(reader) };
    let mut output = BufWriter::new(std::io::stdout().lock());
    loop {
        let texts = lines.batch().with_context(|| format!("cannot read {}", input.display()))?;
        if texts.is_empty() {
            return Ok(output.flush()?);
        }
        let tokens: Vec<Vec<u32>> = texts.iter().map(|text| encoder.tokenize(text)).collect();
        for (text, vector) in texts.iter().zip(embed_on(encoder, &tokens, threads)?) {
            serde_json::to_writer(&mut output, &Line { text, vector: &vector })?;
            output.write_all(b"\n")?;
        }
    }
}

/// Returns the vector of each text; at most `threads` threads take chunk after chunk.
fn embed_on(
    encoder: &Encoder,
    tokens: &[Vec<u32>],
    threads: usize,
) -> Result<Vec<[f32; DIMENSIONS]>, EncoderError> {
    let counts: Vec<usize> = tokens.iter().map(Vec::len).collect();
    let chunks = plan(&counts);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut room = Room::new();
        let mut done = Vec::new();
        // The longest texts are last in the plan and first here, so that no thread ends alone with one.
        while let Some(chunk) = chunks.iter().rev().nth(next.fetch_add(1, Ordering::Relaxed)) {
            let texts: Vec<&[u32]> = chunk.iter().map(|&index| &tokens[index][..]).collect();
            done.extend(chunk.iter().copied().zip(encoder.embed_chunk(&mut room, &texts)?));
        }
        Ok(done)
    };
    let parts = thread::scope(|scope| {
        let threads: Vec<_> = (1..threads.min(chunks.len())).map(|_| scope.spawn(work)).collect();
        let mut parts = vec![work()];
        let joined = threads.into_iter().map(|thread| thread.join());
        parts.extend(
            joined.map(|part| part.unwrap_or_else(|panic| std::panic::resume_unwind(panic))),
        );
        parts
    });
    let mut vectors = vec![[0.0; DIMENSIONS]; tokens.len()];
    for part in parts {
        for (index, vector) in part? {
            vectors[index] = vector;
        }
    }
    Ok(vectors)
}

/// Lines of text; bytes that are not UTF-8 become replacement characters.
struct Lines {
    input: BufReader<Box<dyn Read>>,
}

impl Lines {
    /// Returns the next lines, none at the end.
    fn batch(&mut self) -> std::io::Result<Vec<String>> {
        let mut texts = Vec::new();
        while texts.len() < BATCH_LINES {
            let Some(line) = self.line()? else { break };
            texts.push(line);
        }
        Ok(texts)
    }

    fn line(&mut self) -> std::io::Result<Option<String>> {
        let mut line = Vec::new();
        #[allow(clippy::disallowed_methods, reason = "limited by `take`")]
        let read = self.input.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(None);
        }
        if line.last() == Some(&b'\n') {
            line.pop();
        } else if read as u64 == LINE_BYTES_MAX {
            self.input.skip_until(b'\n')?;
        }
        let text = String::from_utf8_lossy(&line);
        Ok(Some(text.strip_suffix('\r').unwrap_or(&text).to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(bytes: Vec<u8>) -> Lines {
        Lines { input: BufReader::new(Box::new(std::io::Cursor::new(bytes))) }
    }

    #[test]
    fn lines_are_read_whatever_their_bytes() {
        let mut lines = lines(b"one\r\n\ntw\xffo".to_vec());
        assert_eq!(lines.batch().unwrap(), ["one", "", "tw\u{fffd}o"]);
        assert!(lines.batch().unwrap().is_empty());
    }

    #[test]
    fn limit_a_long_line_is_cut_and_a_batch_is_full() {
        let mut long = vec![b'x'; LINE_BYTES_MAX as usize + 5];
        long.extend_from_slice(b"\nnext\n");
        long.extend_from_slice(&b"y\n".repeat(BATCH_LINES));
        let mut lines = lines(long);
        let batch = lines.batch().unwrap();
        assert_eq!((batch.len(), batch[0].len()), (BATCH_LINES, LINE_BYTES_MAX as usize));
        assert_eq!(batch[1], "next");
        assert_eq!(lines.batch().unwrap().len(), 2);
    }
}
