//! Deterministic input: log files of a given size, made once and used again.
//!
//! 2,000 templates, each at three levels, over 84 minutes of event time ending yesterday. Some
//! templates are far more frequent than others, as in life. The same parameters and day give the
//! same bytes, so a file that is already there is used as it is.

use crate::scenario::Format;
use anyhow::{Context, Result};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

const TEMPLATES: u64 = 2_000;
const LEVELS: [&str; 3] = ["ERROR", "WARN", "INFO"];
const MINUTES: u64 = 84;
const SEED: u64 = 1;

const SUBJECTS: [&str; 20] = [
    "payment", "session", "invoice", "shard", "replica", "tenant", "mailbox", "cursor", "upload",
    "gateway", "voucher", "catalog", "snapshot", "listener", "courier", "ledger", "beacon",
    "quota", "profile", "webhook",
];
const VERBS: [&str; 10] = [
    "declined",
    "expired",
    "rejected",
    "delayed",
    "restarted",
    "vanished",
    "recovered",
    "stalled",
    "overflowed",
    "migrated",
];
const CAUSES: [&str; 10] = [
    "because the upstream refused the connection",
    "after the lease of the coordinator was lost",
    "while the warehouse synchronised its inventory",
    "since the certificate chain could not be verified",
    "during the nightly compaction of the archive",
    "as the scheduler ran out of free workers",
    "when the customer cancelled the checkout",
    "before the configuration was fully applied",
    "although the health probe reported success",
    "despite three retries with growing pauses",
];

/// Generated files and what is in them.
#[derive(Clone, Debug)]
pub struct Input {
    /// The files.
    pub files: Vec<PathBuf>,
    /// Lines in all of them.
    pub lines: u64,
    /// Bytes in all of them.
    pub bytes: u64,
    /// Distinct pairs of template with level and minute.
    pub keys: u64,
}

impl Input {
    /// Returns the numbers for the raw results.
    pub fn to_json(&self) -> Value {
        json!({"lines": self.lines, "bytes": self.bytes, "keys": self.keys, "files": self.files.len()})
    }
}

/// Makes (or finds) `files` files with `lines` lines together in `scratch`.
pub fn prepare(scratch: &Path, format: Format, lines: u64, files: u64) -> Result<Input> {
    let day = Timestamp::now().as_second().div_euclid(86_400) - 1;
    let start = Timestamp::from_second(day * 86_400)?;
    let kind = match format {
        Format::Plain => "plain",
        Format::Json => "json",
    };
    let folder = scratch.join(format!("input-{kind}-{lines}-in-{files}-seed-{SEED}"));
    let facts_path = folder.join("facts.json");
    let facts = std::fs::read_to_string(&facts_path).ok();
    let facts: Option<Value> = facts.and_then(|text| serde_json::from_str(&text).ok());
    let paths = (0..files).map(|n| folder.join(format!("{n}.log"))).collect::<Vec<_>>();
    let (bytes, keys) = match facts.filter(|facts| facts["day"] == day) {
        Some(facts) => (facts["bytes"].as_u64(), facts["keys"].as_u64()),
        None => {
            eprintln!("  generating {lines} lines in {}", folder.display());
            std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
            let (bytes, keys) = generate(&paths, format, lines, start)?;
            let facts = json!({"day": day, "bytes": bytes, "keys": keys});
            std::fs::write(&facts_path, facts.to_string())?;
            (Some(bytes), Some(keys))
        }
    };
    let bytes = bytes.with_context(|| format!("{} is damaged", facts_path.display()))?;
    let keys = keys.with_context(|| format!("{} is damaged", facts_path.display()))?;
    Ok(Input { files: paths, lines, bytes, keys })
}

/// Writes the files, line by line in turn, and returns the number of bytes and of distinct keys.
fn generate(paths: &[PathBuf], format: Format, lines: u64, start: Timestamp) -> Result<(u64, u64)> {
    let mut writers = Vec::new();
    for path in paths {
        writers.push(BufWriter::with_capacity(1 << 20, File::create(path)?));
    }
    let mut seen = vec![false; (TEMPLATES * LEVELS.len() as u64 * MINUTES) as usize];
    let mut chance = Chance(SEED);
    let mut line = Vec::with_capacity(512);
    let mut bytes = 0;
    for at in 0..lines {
        line.clear();
        let millis = (at as u128 * u128::from(MINUTES * 60_000) / u128::from(lines)) as u64;
        let template = skewed(&mut chance);
        let level = chance.below(LEVELS.len() as u64);
        write_line(&mut line, format, start, millis, template, level, &mut chance)?;
        let key = (template * LEVELS.len() as u64 + level) * MINUTES + millis / 60_000;
        seen[key as usize] = true;
        bytes += line.len() as u64;
        let turn = (at % paths.len() as u64) as usize;
        writers[turn].write_all(&line)?;
    }
    for writer in &mut writers {
        writer.flush()?;
    }
    Ok((bytes, seen.iter().filter(|seen| **seen).count() as u64))
}

/// Returns a template, small numbers far more often than large ones.
fn skewed(chance: &mut Chance) -> u64 {
    let uniform = chance.below(1 << 53) as f64 / (1u64 << 53) as f64;
    let squared = uniform * uniform;
    let eighth = squared * squared * squared * squared;
    ((eighth * TEMPLATES as f64) as u64).min(TEMPLATES - 1)
}

/// Appends one line.
fn write_line(
    line: &mut Vec<u8>,
    format: Format,
    start: Timestamp,
    millis: u64,
    template: u64,
    level: u64,
    chance: &mut Chance,
) -> Result<()> {
    let time = start + SignedDuration::from_millis(millis as i64);
    let level = LEVELS[level as usize];
    let thread = chance.below(16);
    let subject = SUBJECTS[(template % 20) as usize];
    let verb = VERBS[(template / 20 % 10) as usize];
    let cause = CAUSES[(template / 200 % 10) as usize];
    let [id, attempt, ms] = [10_000_000, 10, 60_000].map(|bound| chance.below(bound));
    match format {
        Format::Plain => writeln!(
            line,
            "{time:.3} {level:<5} [worker-{thread}] shop.{subject}.Service: {subject} {id} {verb} \
             {cause}, attempt {attempt} took {ms} ms"
        )?,
        Format::Json => writeln!(
            line,
            "{{\"timestamp\":\"{time:.3}\",\"level\":\"{level}\",\"thread\":\"worker-{thread}\",\
             \"logger\":\"shop.{subject}.Service\",\"message\":\"{subject} {id} {verb} {cause}, \
             attempt {attempt} took {ms} ms\"}}"
        )?,
    }
    Ok(())
}

/// Bytes of the time with which a plain line begins.
pub const TIME_BYTES: usize = "2026-03-01T10:05:23.123Z".len();

/// Returns plain lines to be written again and again, each with a time of its own put over its beginning.
pub fn pool(lines: u64) -> Result<Vec<Vec<u8>>> {
    let mut chance = Chance(SEED);
    let mut pool = Vec::new();
    for _ in 0..lines {
        let (template, level) = (skewed(&mut chance), chance.below(LEVELS.len() as u64));
        let mut line = Vec::with_capacity(192);
        write_line(
            &mut line,
            Format::Plain,
            Timestamp::UNIX_EPOCH,
            0,
            template,
            level,
            &mut chance,
        )?;
        pool.push(line);
    }
    Ok(pool)
}

/// Returns one short plain line that is stamped with the present, for latency trials.
pub fn line_of_now(number: u64) -> String {
    format!("{:.3} ERROR [worker-1] shop.latency.Probe: probe {number} sent\n", Timestamp::now())
}

/// A small generator of pseudo-random numbers (splitmix64).
pub struct Chance(pub u64);

impl Chance {
    /// Returns a number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(format: Format, files: usize) -> (Vec<String>, u64) {
        let folder =
            std::env::temp_dir().join(format!("benches-{}-{files}-{format:?}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let paths: Vec<PathBuf> = (0..files).map(|n| folder.join(n.to_string())).collect();
        let start = Timestamp::from_second(1_700_000_000).unwrap();
        let (_, keys) = generate(&paths, format, 10_000, start).unwrap();
        let texts = paths.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
        std::fs::remove_dir_all(folder).unwrap();
        (texts, keys)
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes_of_about_150_a_line() {
        let (texts, keys) = sample(Format::Plain, 1);
        assert_eq!((texts.clone(), keys), sample(Format::Plain, 1));
        assert_eq!(texts[0].lines().count(), 10_000);
        assert!((140..165).contains(&(texts[0].len() / 10_000)), "{}", texts[0].len());
    }

    #[test]
    fn every_json_line_is_json_with_a_message() {
        for line in sample(Format::Json, 1).0[0].lines() {
            let value: Value = serde_json::from_str(line).unwrap();
            assert!(value["message"].is_string(), "{line}");
        }
    }

    #[test]
    fn two_files_share_the_lines() {
        let (texts, _) = sample(Format::Plain, 2);
        assert!(texts.iter().all(|text| text.lines().count() == 5_000));
    }
}
