//! Fuzzing of what reads bytes of strangers: seeded, structure-aware, guided by what the target says
//! of its results.
//!
//! ```text
//! corpus ─┬─► mutated ──► target ──► Shape ──► never seen? ──yes──┐
//! pool ───┘                 │panics: the shortest bytes that do    │
//!   ▲                       ▼                                      │
//!   └──────────────────── kept ◄───────────────────────────────────┘
//! ```
//! A target checks what must hold for any bytes and returns the [`Shape`] of what it found: a coarse
//! hash, so that inputs which reach new behaviour are built upon.
//!
//! *How long.* A number of cases per target, which `SEISMOLOG_CASES` replaces; with
//! `SEISMOLOG_FUZZ_SECONDS` each target runs for so long (the soak's way) and is then also asked whether
//! its processor time per byte grows with the length. Tests do not measure time.
//! *Promises:* the same corpus gives the same cases in the same order. A finding is printed as bytes,
//! for a test of its own.
//! *State and limits:* [`POOL_MAX`] kept inputs, [`SHAPES_MAX`] shapes, cases of [`LONG_BYTES`] bytes.

mod mutate;

use super::generate::Seeded;
use mutate::Mutator;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

/// Inputs that are kept because they reached something new; then a random one gives way.
pub const POOL_MAX: usize = 4_096;
/// Shapes that are remembered.
pub const SHAPES_MAX: usize = 1 << 20;
/// Bytes of a case, but for one in [`LONG_ONE_IN`], which has up to [`LONG_BYTES`].
pub const BYTES: usize = 600;
/// See [`BYTES`].
pub const LONG_BYTES: usize = 40_000;
/// See [`BYTES`].
pub const LONG_ONE_IN: u64 = 64;
/// How much longer than a short text the long one is whose time is compared.
const LONGER: usize = 16;
/// How much more time a byte may take there.
const GROWTH_MAX: u32 = 4;
/// Time below which a ratio says nothing: the system accounts for it in steps of some milliseconds.
const NOISE: Duration = Duration::from_millis(50);
/// How often cutting a finding shorter is tried.
const SHORTENED_MAX: usize = 400;

/// What a target found in a case, coarsely.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape(u64);

impl Shape {
    /// Returns the shape of `found`.
    pub fn of(found: impl Hash) -> Shape {
        let mut hasher = DefaultHasher::new();
        found.hash(&mut hasher);
        Shape(hasher.finish())
    }
}

/// Returns the order of magnitude of a number, so that shapes do not differ by mere size.
pub fn coarse(n: usize) -> u32 {
    usize::BITS - n.leading_zeros()
}

/// Runs `target` over cases made of `corpus`, `cases` of them if the environment says nothing else.
///
/// # Panics
/// If the target does, after printing the bytes.
pub fn fuzz(name: &str, corpus: &[Vec<u8>], cases: u64, target: impl Fn(&[u8]) -> Shape) {
    let number = |variable| std::env::var(variable).ok().and_then(|n| n.parse::<u64>().ok());
    let until = number("SEISMOLOG_FUZZ_SECONDS").map(|s| Instant::now() + Duration::from_secs(s));
    let cases = number("SEISMOLOG_CASES").unwrap_or(cases);
    run(name, corpus, cases, until, target);
}

/// Runs `target` over so many cases, or `until` then.
fn run(
    name: &str,
    corpus: &[Vec<u8>],
    cases: u64,
    until: Option<Instant>,
    target: impl Fn(&[u8]) -> Shape,
) {
    let salt = Shape::of(name).0;
    let (mut mutator, mut shapes) = (Mutator::new(corpus), HashSet::new());
    for seed in corpus {
        shapes.insert(examined(name, seed, &target));
    }
    let mut case = 0;
    while until.map_or(case < cases, |until| Instant::now() < until) {
        let mut seeded = Seeded::new(salt ^ case);
        let bytes = mutator.case(&mut seeded);
        let shape = examined(name, &bytes, &target);
        if shapes.len() < SHAPES_MAX && shapes.insert(shape) {
            mutator.keep(&mut seeded, bytes.clone());
        }
        if until.is_some() && case % 512 == 0 {
            assert_linear(name, &bytes[..bytes.len().min(BYTES)], &target);
        }
        case += 1;
    }
    println!("{name}: {case} cases, {} shapes", shapes.len());
}

/// Runs the target on one case; a finding is cut shorter and printed.
fn examined(name: &str, bytes: &[u8], target: &impl Fn(&[u8]) -> Shape) -> Shape {
    match catch_unwind(AssertUnwindSafe(|| target(bytes))) {
        Ok(shape) => shape,
        Err(panic) => {
            let fails = |bytes: &[u8]| catch_unwind(AssertUnwindSafe(|| target(bytes))).is_err();
            let short = shortened(bytes.to_vec(), fails);
            eprintln!("{name}: finding: b\"{}\"", short.escape_ascii());
            resume_unwind(panic)
        }
    }
}

/// Returns `bytes` without the parts that a finding does not need, as far as is cheap to find out.
fn shortened(mut bytes: Vec<u8>, fails: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let (mut piece, mut tries) = (bytes.len().div_ceil(2), 0);
    while piece > 0 && tries < SHORTENED_MAX {
        let (mut at, mut is_shorter) = (0, false);
        while at < bytes.len() && tries < SHORTENED_MAX {
            let end = bytes.len().min(at + piece);
            let without = [&bytes[..at], &bytes[end..]].concat();
            tries += 1;
            if fails(&without) {
                (bytes, is_shorter) = (without, true);
            } else {
                at = end;
            }
        }
        if !is_shorter || piece > bytes.len() {
            piece /= 2;
        }
    }
    bytes
}

/// Fails if a long text takes much longer than as many bytes in short ones, three times out of three.
fn assert_linear(name: &str, bytes: &[u8], target: &impl Fn(&[u8]) -> Shape) {
    let took = |bytes: &[u8], times: usize| {
        let started = busy();
        for _ in 0..times {
            target(bytes);
        }
        busy().saturating_sub(started)
    };
    let (short, long) = (bytes.repeat(64), bytes.repeat(64 * LONGER));
    let is_found = (0..3).all(|_| grows(took(&short, LONGER), took(&long, 1)));
    let text = bytes.escape_ascii();
    assert!(!is_found, "{name}: time per byte grows with the length: b\"{text}\"");
}

/// Returns whether the time of one long text is out of proportion to that of as many bytes in short ones.
fn grows(short: Duration, long: Duration) -> bool {
    long > short * GROWTH_MAX + NOISE
}

/// Returns for how long this thread has been running; where the system does not say, wall time.
fn busy() -> Duration {
    let mut stat = [0; 64];
    let file = std::fs::File::open("/proc/thread-self/schedstat");
    let read = file.and_then(|mut file| file.read(&mut stat)).unwrap_or(0);
    let text = String::from_utf8_lossy(&stat[..read]);
    let nanos = text.split(' ').next().and_then(|nanos| nanos.parse().ok());
    let since_boot = || Instant::now().duration_since(*STARTED);
    nanos.map_or_else(since_boot, Duration::from_nanos)
}

static STARTED: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::{Cell, RefCell};

    fn corpus() -> Vec<Vec<u8>> {
        vec![b"first line\n    at second (x:1)\nCaused by: third 3".to_vec(), b"other".to_vec()]
    }

    #[test]
    fn the_same_corpus_gives_the_same_cases() {
        let cases = || {
            let seen = RefCell::new(Vec::new());
            run("same", &corpus(), 300, None, |bytes| {
                seen.borrow_mut().push(bytes.to_vec());
                Shape::of(bytes.len() / 32)
            });
            seen.into_inner()
        };
        assert_eq!(cases(), cases());
    }

    #[test]
    fn what_is_hidden_behind_three_steps_is_found_by_its_shapes() {
        let deepest = Cell::new(0);
        run("steps", &corpus(), 20_000, None, |bytes| {
            let words = ["Caused by: ", "[", "0x"];
            let has = |word: &&&str| bytes.windows(word.len()).any(|w| w == word.as_bytes());
            let depth = words.iter().take_while(has).count();
            deepest.set(deepest.get().max(depth));
            Shape::of(depth)
        });
        assert_eq!(deepest.get(), 3);
    }

    #[test]
    fn a_square_is_a_finding_and_a_busy_machine_is_none() {
        let ms = Duration::from_millis;
        assert!(grows(ms(100), ms(1_600)));
        assert!(!grows(ms(100), ms(300)));
        assert!(!grows(ms(0), ms(20)));
    }

    #[test]
    fn a_finding_is_cut_down_to_what_it_needs() {
        let fails = |bytes: &[u8]| bytes.contains(&b'(') && bytes.contains(&b')');
        assert_eq!(shortened(b"some text (and more) of it".to_vec(), fails), b"()");
    }
}
