//! A process that embeds on request, so that its memory is its own: the encoder's side of the
//! measurement. `benches/embedding/onnxruntime_child.py` speaks the same.

use anyhow::{Context, Result};
use encoder::{Accept, DIMENSIONS, Encoder, EncoderError, Room, plan};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, Write};
use std::path::Path;
use std::thread;
use std::time::Instant;

/// The hidden verb under which the measuring program starts itself.
pub const VERB: &str = "embedding-child";

/// Answers requests from standard input until it ends.
pub fn serve(folder: &str, tokens: &str) -> Result<()> {
    let inputs: HashMap<String, Vec<Vec<u32>>> = {
        let inputs: Value = serde_json::from_reader(std::io::BufReader::new(File::open(tokens)?))?;
        let inputs = inputs.as_object().context("an object of inputs")?;
        let parsed = inputs.iter().map(|(name, texts)| Ok((name.clone(), texts_of(texts)?)));
        parsed.collect::<Result<_>>()?
    };
    let started = Instant::now();
    let folder = Path::new(folder);
    let words = std::fs::read(folder.join("tokenizer.json"))?;
    let weights = File::open(folder.join("model.safetensors"))?;
    let encoder = Encoder::read(weights, &words, Accept::Official)?;
    say(
        &json!({"load_ms": started.elapsed().as_secs_f64() * 1e3, "kernel": encoder.kernel().name()}),
    )?;
    for line in std::io::stdin().lock().lines() {
        let request: Value = serde_json::from_str(&line?)?;
        let number = |key: &str| request[key].as_u64().unwrap_or(1).max(1) as usize;
        let name = request["input"].as_str().context("an input")?;
        let texts = inputs.get(name).context("an input that was sent")?;
        let (wall, cpu) = (Instant::now(), cpu_seconds()?);
        let mut times = Vec::new();
        let mut first = None;
        for batch in texts.chunks(number("batch")) {
            let at = Instant::now();
            let vectors = embed(&encoder, batch, number("threads"))?;
            times.push(at.elapsed().as_secs_f64() * 1e3);
            first = first.or(vectors.first().map(|vector| vector.to_vec()));
        }
        let (wall, cpu) = (wall.elapsed().as_secs_f64(), cpu_seconds()? - cpu);
        say(&json!({"wall_s": wall, "cpu_s": cpu, "batch_ms": times, "first": first}))?;
    }
    Ok(())
}

/// Embeds a batch; with several threads, each takes its share of the sorted texts.
fn embed(
    encoder: &Encoder,
    batch: &[Vec<u32>],
    threads: usize,
) -> Result<Vec<[f32; DIMENSIONS]>, EncoderError> {
    if let [text] = batch {
        // One text has no company to share threads with: they share its products.
        return encoder.embed_chunk(&mut Room::shared_by(threads), &[text]);
    }
    let counts: Vec<usize> = batch.iter().map(Vec::len).collect();
    let order: Vec<usize> = plan(&counts).into_iter().flatten().collect();
    let all = |order: &[usize]| {
        let mut room = Room::new();
        let shares: Vec<usize> = order.iter().map(|&index| counts[index]).collect();
        let mut done = Vec::new();
        for chunk in plan(&shares) {
            let texts: Vec<&[u32]> = chunk.iter().map(|&at| &batch[order[at]][..]).collect();
            let vectors = encoder.embed_chunk(&mut room, &texts)?;
            done.extend(chunk.iter().map(|&at| order[at]).zip(vectors));
        }
        Ok(done)
    };
    // Every thread gets texts of every length.
    let share = |thread: usize| order.iter().skip(thread).step_by(threads).copied().collect();
    let parts: Vec<Result<Vec<_>, EncoderError>> = if threads == 1 {
        vec![all(&order)]
    } else {
        let shares: Vec<Vec<usize>> = (0..threads).map(share).collect();
        thread::scope(|scope| {
            let running: Vec<_> = shares.iter().map(|share| scope.spawn(|| all(share))).collect();
            let joined = running.into_iter().map(|thread| thread.join());
            joined
                .map(|part| part.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect()
        })
    };
    let mut vectors = vec![[0.0; DIMENSIONS]; batch.len()];
    for part in parts {
        for (index, vector) in part? {
            vectors[index] = vector;
        }
    }
    Ok(vectors)
}

fn texts_of(texts: &Value) -> Result<Vec<Vec<u32>>> {
    let texts = texts.as_array().context("a list of texts")?;
    let tokens = |text: &Value| -> Result<Vec<u32>> {
        let tokens = text.as_array().context("a list of tokens")?.iter();
        Ok(tokens.filter_map(Value::as_u64).map(|token| token as u32).collect())
    };
    texts.iter().map(tokens).collect()
}

fn say(answer: &Value) -> Result<()> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{answer}")?;
    Ok(output.flush()?)
}

/// User and system time of this process, to the nanosecond that the kernel keeps for each thread that
/// runs, in ticks for those that have ended.
fn cpu_seconds() -> Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let behind = stat.rsplit_once(')').context("a process's stat line")?.1;
    let ticks =
        behind.split_whitespace().skip(11).take(2).filter_map(|word| word.parse::<f64>().ok());
    Ok(ticks.sum::<f64>() / 100.0)
}
