//! The encoder against sentence-transformers on the official weights. `reference/make.py` made the
//! vectors; the texts are generated here as there, from the same words and the same seed.

use crate::made_up::Numbers;
use encoder::{Accept, DIMENSIONS, Encoder};
use std::fs::File;
use std::path::PathBuf;

const WORDS: &str = include_str!("reference/words.txt");
const VECTORS: &[u8] = include_bytes!("reference/vectors.bin");
const TEXTS: usize = 2000;
const PROJECTIONS: usize = 32;
const WHOLE_EVERY: usize = 20;

/// Even texts are short; odd ones are of all lengths, small ones more often.
fn texts() -> Vec<String> {
    let words: Vec<&str> = WORDS.split_whitespace().collect();
    let mut numbers = Numbers(20_260_301);
    let mut text = |index: usize| {
        let mut length = 5 + numbers.below(7);
        if index % 2 == 1 {
            let limit = 4 << numbers.below(6);
            length = 4 + numbers.below(limit);
        }
        let words: Vec<&str> =
            (0..length).map(|_| words[numbers.below(words.len() as u64) as usize]).collect();
        words.join(" ")
    };
    (0..TEXTS).map(&mut text).collect()
}

fn fnv(texts: &[String]) -> u64 {
    let bytes = texts.iter().flat_map(|text| text.bytes().chain([b'\n']));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Returns the official model from the cache that `seismolog model fetch` fills.
fn official() -> Encoder {
    let named =
        std::env::var_os("SEISMOLOG_MODEL_PATH").or(std::env::var_os("SEISMOLOG_MODEL_CACHE"));
    let folder = named.map(PathBuf::from).unwrap_or_else(|| {
        let home = || PathBuf::from(std::env::var_os("HOME").expect("HOME is set"));
        let caches = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        let caches = caches.unwrap_or_else(|| match cfg!(target_os = "macos") {
            true => home().join("Library/Caches"),
            false => home().join(".cache"),
        });
        caches.join("seismolog").join("all-MiniLM-L6-v2")
    });
    let open = |name: &str| {
        let path = folder.join(name);
        File::open(&path).unwrap_or_else(|error| {
            panic!("cannot open {}: {error}. Hint: run `cargo xtask setup`", path.display())
        })
    };
    let mut tokenizer = Vec::new();
    std::io::copy(&mut open("tokenizer.json"), &mut tokenizer).unwrap();
    Encoder::read(open("model.safetensors"), &tokenizer, Accept::Official).unwrap()
}

/// Returns the numbers of the file, `scale` being 1.
fn numbers(bytes: &[u8], scale: f64) -> Vec<f64> {
    let numbers = bytes.as_chunks::<2>().0.iter();
    numbers.map(|&bytes| f64::from(i16::from_le_bytes(bytes)) / scale).collect()
}

#[test]
fn vectors_of_two_thousand_texts_are_those_of_sentence_transformers() {
    let texts = texts();
    let (hash, rest) = VECTORS.split_at(8);
    assert_eq!(fnv(&texts).to_le_bytes(), hash, "make.py made other texts");
    let (projected, whole) = rest.split_at(TEXTS * PROJECTIONS * 2);
    let encoder = official();
    let tokens: Vec<Vec<u32>> = texts.iter().map(|text| encoder.tokenize(text)).collect();
    let tokens: Vec<&[u32]> = tokens.iter().map(Vec::as_slice).collect();
    let vectors = encoder.embed(&tokens).unwrap();

    let mut numbers_of_signs = Numbers(1);
    let mut sign = || if numbers_of_signs.below(2) == 1 { 1.0 } else { -1.0 };
    let signs: Vec<[f64; DIMENSIONS]> =
        (0..PROJECTIONS).map(|_| std::array::from_fn(|_| sign())).collect();
    let project = |vector: &[f32; DIMENSIONS], signs: &[f64; DIMENSIONS]| -> f64 {
        vector.iter().zip(signs).map(|(&x, sign)| f64::from(x) * sign).sum()
    };
    let mut furthest = 0f64;
    for (vector, expected) in vectors.iter().zip(projected.chunks_exact(2 * PROJECTIONS)) {
        let expected = numbers(expected, 4096.0);
        let pairs = signs.iter().zip(expected);
        let squares: f64 = pairs.map(|(signs, x)| (project(vector, signs) - x).powi(2)).sum();
        // The mean square of projections is an estimate of the square of the length. A cosine of
        // 0.9999 is a difference of length 0.0141; the estimate's own noise is below a fifth of it.
        furthest = furthest.max((squares / PROJECTIONS as f64).sqrt());
    }
    assert!(furthest < 0.002, "a vector is {furthest} away from its reference");

    let mut smallest = 1f64;
    let whole = whole.chunks_exact(2 * DIMENSIONS);
    assert_eq!(whole.len(), TEXTS / WHOLE_EVERY);
    for (vector, expected) in vectors.iter().step_by(WHOLE_EVERY).zip(whole) {
        let expected = numbers(expected, 32767.0);
        let length = expected.iter().map(|x| x * x).sum::<f64>().sqrt();
        let dot: f64 = vector.iter().zip(&expected).map(|(&x, y)| f64::from(x) * y).sum();
        smallest = smallest.min(dot / length);
    }
    assert!(smallest > 0.999_999, "cosine {smallest}");
    println!("furthest difference {furthest:.6}, smallest cosine {smallest:.9}");
}
