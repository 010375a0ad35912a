//! Cases from a corpus: pieces of log lines spliced, repeated, cut and flipped, with the tokens that
//! decide something somewhere put between them.

use super::{BYTES, LONG_BYTES, LONG_ONE_IN, POOL_MAX};
use crate::testing::generate::Seeded;

/// Pieces that decide something somewhere.
const TOKENS: &[&[u8]] = &[
    b"2024-02-30T24:00:60,999999999+23:59 ",
    b"2024-05-06T07:08:09.123456Z ",
    b"Dec 31 23:59:60 ",
    b"Feb 29 00:00:00 ",
    b"1700000000.123 ",
    b"99999999999999999999",
    b"[01/Jan/2024:00:00:00 +0000]",
    b"ERROR",
    b" WARN ",
    b"<165>1 ",
    b"<13>",
    b"{\"",
    b"\":\"",
    b"\":{\"",
    b"\\u0000",
    b"\\ud800",
    b"\\",
    b"\"",
    b"'",
    b"`",
    b"\t",
    b"    at ",
    b"\n\n",
    b"\r\n",
    b"Traceback (most recent call last):\n",
    b"  File \"a.py\", line 1, in f\n",
    b"Caused by: ",
    b"Suppressed: ",
    b"\t... 12 more\n",
    b"goroutine 1 [running]:\n",
    b"panic: ",
    b"thread 'main' panicked at ",
    b"#0 ",
    b" stdout F ",
    b" stderr P ",
    b"key=",
    b"=\"",
    b"password=",
    b"Bearer ",
    b"-----BEGIN PRIVATE KEY-----",
    b"4111 1111 1111 1111",
    b"a@b.c",
    b"%",
    b"://",
    b"127.0.0.1:80",
    b"::1",
    b"0x",
    b"e+9",
    b"\xef\xbb\xbf",
    b"\xe2\x80\xae",
    b"\x1b[31m",
    b"\x1b[",
    b"\0",
    b"\xff",
    b"\xc3",
    b"\xf0\x9f\x98\x80",
    b"\xe6\x97\xa5\xe6\x9c\xac",
    b"<*>",
    b"<num>",
    b"|",
    b"---",
    b"[",
    b"]",
    b"(",
    b"))",
    b"{",
    b"}}",
    b"<",
    b">",
    b"%{WORD:message}",
    b"(?P<message>",
];
/// How often a piece may be repeated.
const REPEATS_MAX: u64 = 40;
/// How often a piece may be repeated in a long case.
const LONG_REPEATS_MAX: u64 = 20_000;

/// Makes cases.
pub(super) struct Mutator<'c> {
    corpus: &'c [Vec<u8>],
    /// What reached something new.
    pool: Vec<Vec<u8>>,
}

impl<'c> Mutator<'c> {
    /// Returns the mutator of a corpus, which is not empty.
    pub(super) fn new(corpus: &'c [Vec<u8>]) -> Self {
        assert!(!corpus.is_empty(), "cases are made of a corpus");
        Self { corpus, pool: Vec::new() }
    }

    /// Keeps a case to build upon.
    pub(super) fn keep(&mut self, seeded: &mut Seeded, bytes: Vec<u8>) {
        if self.pool.len() < POOL_MAX {
            self.pool.push(bytes);
        } else {
            self.pool[seeded.below(POOL_MAX as u64) as usize] = bytes;
        }
    }

    /// Returns a case, never empty.
    pub(super) fn case(&self, seeded: &mut Seeded) -> Vec<u8> {
        let is_long = seeded.one_in(LONG_ONE_IN);
        let bound = if is_long { LONG_BYTES } else { 1 + seeded.below(BYTES as u64) as usize };
        let mut bytes = match seeded.below(3) {
            0 => self.collage(seeded, bound),
            _ => self.any(seeded).to_vec(),
        };
        for _ in 0..1 + seeded.below(6) {
            self.mutate(seeded, &mut bytes, if is_long { LONG_REPEATS_MAX } else { REPEATS_MAX });
            bytes.truncate(bound.max(1));
        }
        if bytes.is_empty() {
            bytes.push(b'\n');
        }
        bytes
    }

    /// Returns something of the pool or of the corpus.
    fn any(&self, seeded: &mut Seeded) -> &[u8] {
        let of = |all: &'_ [Vec<u8>], seeded: &mut Seeded| seeded.below(all.len() as u64) as usize;
        if self.pool.is_empty() || seeded.one_in(3) {
            &self.corpus[of(self.corpus, seeded)]
        } else {
            &self.pool[of(&self.pool, seeded)]
        }
    }

    /// Returns pieces of several inputs and tokens in a row.
    fn collage(&self, seeded: &mut Seeded, bound: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(bound);
        while bytes.len() < bound {
            let piece = if seeded.one_in(4) { token(seeded) } else { self.any(seeded) };
            let whole = if seeded.one_in(3) { part(seeded, piece) } else { piece };
            bytes.extend_from_slice(whole);
        }
        bytes
    }

    /// Changes `bytes` in one of many ways.
    fn mutate(&self, seeded: &mut Seeded, bytes: &mut Vec<u8>, repeats_max: u64) {
        let at = seeded.below(bytes.len() as u64 + 1) as usize;
        match seeded.below(10) {
            0 => insert(bytes, at, token(seeded)),
            1 => {
                let times = seeded.below(repeats_max) as usize;
                let token = token(seeded);
                let piece = part(seeded, token).repeat(times);
                insert(bytes, at, &piece);
            }
            2 => {
                let other = self.any(seeded);
                insert(bytes, at, part(seeded, other));
            }
            3 => {
                let other = self.any(seeded);
                bytes.truncate(at);
                bytes.extend_from_slice(part(seeded, other));
            }
            4 => change_lines(seeded, bytes),
            5 => {
                let other = self.any(seeded);
                interleave(seeded, bytes, other);
            }
            6 => change_number(seeded, bytes),
            7 => {
                let end = at + seeded.below((bytes.len() - at) as u64 + 1) as usize;
                bytes.drain(at..end);
            }
            8 => {
                let times = seeded.below(repeats_max.min(64)) as usize;
                let piece = part(seeded, bytes).repeat(times);
                insert(bytes, at, &piece[..piece.len().min(LONG_BYTES)]);
            }
            _ => flip(seeded, bytes),
        }
    }
}

fn token(seeded: &mut Seeded) -> &'static [u8] {
    TOKENS[seeded.below(TOKENS.len() as u64) as usize]
}

/// Returns some part of `bytes`.
fn part<'b>(seeded: &mut Seeded, bytes: &'b [u8]) -> &'b [u8] {
    let start = seeded.below(bytes.len() as u64 + 1) as usize;
    let end = start + seeded.below((bytes.len() - start) as u64 + 1) as usize;
    &bytes[start..end]
}

fn insert(bytes: &mut Vec<u8>, at: usize, piece: &[u8]) {
    bytes.splice(at..at, piece.iter().copied());
}

/// Swaps, doubles, drops or indents a line.
fn change_lines(seeded: &mut Seeded, bytes: &mut Vec<u8>) {
    let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    let line = seeded.below(lines.len() as u64) as usize;
    let indented;
    match seeded.below(4) {
        0 => {
            let other = seeded.below(lines.len() as u64) as usize;
            lines.swap(line, other);
        }
        1 => lines.insert(line, lines[line]),
        2 => drop(lines.remove(line)),
        _ => {
            let indent = [&b"    "[..], b"\t", b" ", b""][seeded.below(4) as usize];
            indented = [indent, lines[line].trim_ascii_start()].concat();
            lines[line] = &indented;
        }
    }
    *bytes = lines.join(&b'\n');
}

/// Puts the lines of `other` between those of `bytes`, in turns of a few.
fn interleave(seeded: &mut Seeded, bytes: &mut Vec<u8>, other: &[u8]) {
    let mut mixed: Vec<&[u8]> = Vec::new();
    let mut others = other.split(|byte| *byte == b'\n');
    for line in bytes.split(|byte| *byte == b'\n') {
        mixed.push(line);
        mixed.extend(others.by_ref().take(seeded.below(3) as usize));
    }
    *bytes = mixed.join(&b'\n');
}

/// Replaces a run of digits by a number at some limit.
fn change_number(seeded: &mut Seeded, bytes: &mut Vec<u8>) {
    const NUMBERS: [&[u8]; 8] = [
        b"0",
        b"-1",
        b"99",
        b"2147483648",
        b"9223372036854775807",
        b"18446744073709551616",
        b"000000000000000000000000000000001",
        b"1e308",
    ];
    let from = seeded.below(bytes.len() as u64 + 1) as usize;
    let Some(start) = bytes[from..].iter().position(u8::is_ascii_digit) else { return };
    let start = from + start;
    let length = bytes[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number = NUMBERS[seeded.below(NUMBERS.len() as u64) as usize];
    bytes.splice(start..start + length, number.iter().copied());
}

/// Overwrites single bytes.
fn flip(seeded: &mut Seeded, bytes: &mut [u8]) {
    if bytes.is_empty() {
        return;
    }
    for _ in 0..1 + seeded.below(8) {
        let at = seeded.below(bytes.len() as u64) as usize;
        bytes[at] = match seeded.below(4) {
            0 => seeded.next_u64() as u8,
            1 => b'\n',
            2 => bytes[at] ^ (1 << seeded.below(8)),
            _ => bytes[seeded.below(bytes.len() as u64) as usize],
        };
    }
}
