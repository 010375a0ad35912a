//! Embeds the lines of a file and says how fast, for one kernel and batch size.
//!
//! `cargo run --release -p encoder --example embed -- MODEL_FOLDER FILE [BATCH] [KERNEL]`

use encoder::{Accept, Encoder, Kernel, Room, plan};
use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().collect();
    let [_, folder, file, rest @ ..] = &words[..] else {
        return Err("usage: embed MODEL_FOLDER FILE [BATCH] [KERNEL]".into());
    };
    let batch: usize = rest.first().map_or(Ok(32), |word| word.parse())?;
    let started = Instant::now();
    let mut tokenizer = Vec::new();
    std::io::copy(&mut File::open(format!("{folder}/tokenizer.json"))?, &mut tokenizer)?;
    println!("read {:?}", started.elapsed());
    let weights = File::open(format!("{folder}/model.safetensors"))?;
    let mut encoder = Encoder::read(weights, &tokenizer, Accept::Official)?;
    if let Some(name) = rest.get(1) {
        let found = Kernel::available().into_iter().find(|kernel| kernel.name() == name);
        encoder = encoder.on(found.ok_or("no such kernel")?);
    }
    println!("loaded in {:?}, kernel {}", started.elapsed(), encoder.kernel().name());
    let mut texts = Vec::new();
    for line in BufReader::new(File::open(file)?).lines() {
        texts.push(line?);
    }
    let started = Instant::now();
    let tokens: Vec<Vec<u32>> = texts.iter().map(|text| encoder.tokenize(text)).collect();
    let count: usize = tokens.iter().map(Vec::len).sum();
    println!("{} texts, {count} tokens in {:?}", texts.len(), started.elapsed());
    let mut room = Room::new();
    for _ in 0..3 {
        let mut times = Vec::new();
        let (started, cpu) = (Instant::now(), cpu_seconds()?);
        for batch in tokens.chunks(batch) {
            let at = Instant::now();
            let counts: Vec<usize> = batch.iter().map(Vec::len).collect();
            for chunk in plan(&counts) {
                let texts: Vec<&[u32]> = chunk.iter().map(|&index| &batch[index][..]).collect();
                std::hint::black_box(encoder.embed_chunk(&mut room, &texts)?);
            }
            times.push(at.elapsed());
        }
        times.sort();
        let seconds = started.elapsed().as_secs_f64();
        println!(
            "cpu {:.1}/s wall {:.1} texts/s, {:.1} GFLOP/s, batch p50 {:?} p99 {:?}",
            tokens.len() as f64 / (cpu_seconds()? - cpu),
            tokens.len() as f64 / seconds,
            count as f64 * 21.2e-3 / seconds,
            times[times.len() / 2],
            times[times.len() * 99 / 100]
        );
    }
    Ok(())
}

/// Returns how long this thread has run on a processor.
fn cpu_seconds() -> Result<f64, Box<dyn Error>> {
    let mut text = String::new();
    for line in BufReader::new(File::open("/proc/thread-self/schedstat")?).lines() {
        text.push_str(&line?);
    }
    Ok(text.split(' ').next().unwrap_or("0").parse::<f64>()? / 1e9)
}
