//! Where lines end and how long they may be: the same for every source that reads bytes.
//!
//! *Promises:* a line is never split but at the limit, and then its rest is dropped up to its
//! newline, so one line in is at most one line out. Bytes are passed as they are: CRLF, NUL, a byte
//! order mark and broken UTF-8 are for `parse` to judge.

/// Longest line by default, in bytes without its newline.
pub const LINE_BYTES_DEFAULT: usize = 1024 * 1024;
/// Shortest limit a user may set.
pub const LINE_BYTES_MIN: usize = 64;
/// Longest limit a user may set; a cut line and its newline must fit into one delivery.
pub const LINE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Returns where to cut a line longer than `max` bytes: at the limit, or up to three bytes before
/// it so that no UTF-8 character is torn.
pub fn cut_point(line: &[u8], max: usize) -> usize {
    if line.len() <= max {
        return line.len();
    }
    let is_continuation = |at: usize| line[at] & 0b1100_0000 == 0b1000_0000;
    (0..=3.min(max)).map(|back| max - back).find(|&at| !is_continuation(at)).unwrap_or(max)
}

/// Returns the lines in `bytes` with those longer than `max` cut, and how many were.
pub fn cut_long_lines(bytes: &[u8], max: usize) -> (Vec<u8>, u64) {
    if bytes.len() <= max {
        return (bytes.to_vec(), 0);
    }
    let mut kept = Vec::with_capacity(bytes.len());
    let mut cut = 0;
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        let (text, end) = match line.split_last() {
            Some((b'\n', text)) => (text, &b"\n"[..]),
            _ => (line, &b""[..]),
        };
        let length = cut_point(text, max);
        cut += u64::from(length < text.len());
        kept.extend_from_slice(&text[..length]);
        kept.extend_from_slice(end);
    }
    (kept, cut)
}

/// Joins lines that arrive in pieces; for sources that cannot be read again.
///
/// *Limits:* of an unfinished line, one byte more than the limit is kept.
#[derive(Debug)]
pub struct LineJoiner {
    unfinished: Vec<u8>,
    max: usize,
}

impl LineJoiner {
    /// Returns a joiner that cuts lines at `max` bytes.
    pub fn new(max: usize) -> Self {
        Self { unfinished: Vec::new(), max }
    }

    /// Adds a piece and returns the lines that are whole now, and how many were cut.
    pub fn push(&mut self, piece: &[u8]) -> (Vec<u8>, u64) {
        let Some(last) = memchr::memrchr(b'\n', piece) else {
            self.keep(piece);
            return (Vec::new(), 0);
        };
        let first = memchr::memchr(b'\n', piece).unwrap_or(last);
        self.keep(&piece[..first]);
        let mut joined = std::mem::take(&mut self.unfinished);
        joined.extend_from_slice(&piece[first..=last]);
        self.keep(&piece[last + 1..]);
        cut_long_lines(&joined, self.max)
    }

    /// Returns the unfinished last line, and how often it was cut.
    pub fn finish(&mut self) -> (Vec<u8>, u64) {
        cut_long_lines(&std::mem::take(&mut self.unfinished), self.max)
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = (self.max + 1).saturating_sub(self.unfinished.len());
        self.unfinished.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::testing::fuzz::{Shape, coarse, fuzz};

    #[test]
    fn only_lines_over_the_limit_are_cut() {
        let (kept, cut) = cut_long_lines(b"short\nexactly8\nlonger than eight\nend", 8);
        assert_eq!(kept, b"short\nexactly8\nlonger t\nend");
        assert_eq!(cut, 1);
    }

    #[test]
    fn a_line_without_newline_is_cut_too() {
        assert_eq!(cut_long_lines(b"0123456789", 4), (b"0123".to_vec(), 1));
    }

    #[test]
    fn a_cut_does_not_tear_a_character() {
        assert_eq!(cut_point("abcé".as_bytes(), 4), 3);
        assert_eq!(cut_point("ab\u{1F600}".as_bytes(), 5), 2);
        assert_eq!(cut_point(&[0x80; 10], 5), 5);
    }

    #[test]
    fn carriage_returns_and_nul_bytes_pass() {
        assert_eq!(cut_long_lines(b"a\r\n\0\xff\n", 64), (b"a\r\n\0\xff\n".to_vec(), 0));
    }

    #[test]
    fn pieces_of_any_size_join_to_the_same_lines() {
        let text = b"first\n\nthird line, too long for the limit\nlast without end";
        let expected = cut_long_lines(text, 12);
        for size in 1..=text.len() {
            let mut joiner = LineJoiner::new(12);
            let (mut lines, mut cut) = (Vec::new(), 0);
            let pieces = text.chunks(size).map(|piece| joiner.push(piece)).collect::<Vec<_>>();
            for (bytes, n) in pieces.into_iter().chain([joiner.finish()]) {
                lines.extend(bytes);
                cut += n;
            }
            assert_eq!((lines, cut), expected, "pieces of {size}");
        }
    }

    #[test]
    fn fuzz_lines_are_the_same_however_they_arrive() {
        let corpus =
            [&b"a plain line\n\tat indented (x:1)\n"[..], b"\xe6\x97\xa5\r\n\0\n", b"no end"];
        fuzz("lines", &corpus.map(<[u8]>::to_vec), 10_000, |bytes| {
            let max = LINE_BYTES_MIN + bytes.len() % 3;
            let (kept, cut) = cut_long_lines(bytes, max);
            let lines = |text: &[u8]| text.iter().filter(|byte| **byte == b'\n').count();
            assert_eq!(lines(&kept), lines(bytes), "a line in is a line out");
            assert!(kept.split(|byte| *byte == b'\n').all(|line| line.len() <= max));
            assert_eq!(cut_long_lines(&kept, max), (kept.clone(), 0), "what was cut is cut again");
            for size in [1, 7, 64, 1_000] {
                let mut joiner = LineJoiner::new(max);
                let (mut joined, mut joined_cut, mut work) = (Vec::new(), 0, 0);
                for piece in bytes.chunks(size) {
                    let before = joiner.unfinished.len();
                    let (lines, cut) = joiner.push(piece);
                    // What is copied: the lines that are whole now, and what was added to the rest.
                    work += lines.len() + joiner.unfinished.len().saturating_sub(before);
                    joined.extend(lines);
                    joined_cut += cut;
                    assert!(joiner.unfinished.len() <= max + 1);
                }
                let (rest, rest_cut) = joiner.finish();
                joined.extend(rest);
                assert_eq!((&joined, joined_cut + rest_cut), (&kept, cut), "pieces of {size}");
                assert!(work <= 2 * bytes.len(), "{work} bytes copied of {}", bytes.len());
            }
            Shape::of((coarse(lines(bytes)), cut.min(4), kept.len() == bytes.len()))
        });
    }

    #[test]
    fn limit_an_unfinished_line_is_not_kept_beyond_the_limit() {
        let mut joiner = LineJoiner::new(100);
        for _ in 0..1000 {
            assert_eq!(joiner.push(&[b'x'; 999]), (Vec::new(), 0));
        }
        assert_eq!(joiner.unfinished.len(), 101);
        assert_eq!(joiner.push(b"\nnext").0.len(), 101);
    }
}
