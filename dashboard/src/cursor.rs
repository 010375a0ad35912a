//! Cursor: where the next page of a list begins, as text that means nothing to clients. It carries
//! the range too, so that "the last 24 hours" stays the same 24 hours from page to page.

use crate::problem::Problem;
use crate::query::{Query, Range};
use engine::model::EventTime;

/// The place of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// Rows before the page.
    pub(crate) skip: usize,
    /// The range of the first page.
    pub(crate) range: Range,
}

/// Format version, skip, from, to, check.
const BYTES: usize = 1 + 4 + 8 + 8 + 4;
const VERSION: u8 = 1;

impl Cursor {
    /// Most rows before a page.
    pub(crate) const SKIP_MAX: usize = 1_000_000;

    /// Returns where the asked page begins: at the start of `range`, or where the parameter `cursor` says, with
    /// the range of the first page.
    pub(crate) fn of(query: &Query, range: Range) -> Result<Cursor, Problem> {
        let Some(text) = query.text("cursor") else { return Ok(Cursor { skip: 0, range }) };
        let unknown = || Problem::parameter("cursor", "it is not a `next` of an earlier page");
        Cursor::decode(text).ok_or_else(unknown)
    }

    /// Returns the place after a page of `limit` rows, if `found` rows say that there are more.
    pub(crate) fn next(&self, found: usize, limit: usize) -> Option<String> {
        let skip = self.skip + limit;
        let more = found > limit && skip <= Self::SKIP_MAX;
        more.then(|| Cursor { skip, range: self.range }.encode())
    }

    /// Writes the cursor as text.
    pub(crate) fn encode(&self) -> String {
        let mut bytes = Vec::with_capacity(BYTES);
        bytes.push(VERSION);
        let skip = u32::try_from(self.skip.min(Self::SKIP_MAX)).unwrap_or(u32::MAX);
        bytes.extend_from_slice(&skip.to_be_bytes());
        bytes.extend_from_slice(&self.range.from.0.to_be_bytes());
        bytes.extend_from_slice(&self.range.to.0.to_be_bytes());
        bytes.extend_from_slice(&check(&bytes).to_be_bytes());
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Reads what [`Cursor::encode`] wrote; `None` for anything else.
    pub(crate) fn decode(text: &str) -> Option<Cursor> {
        let bytes = from_hex(text)?;
        let (body, sum) = bytes.split_at_checked(BYTES - 4)?;
        if body[0] != VERSION || check(body).to_be_bytes() != sum {
            return None;
        }
        let skip = u32::from_be_bytes(body[1..5].try_into().ok()?) as usize;
        let from = EventTime(i64::from_be_bytes(body[5..13].try_into().ok()?));
        let to = EventTime(i64::from_be_bytes(body[13..21].try_into().ok()?));
        let range = Range::new(from, to).ok()?;
        (skip <= Self::SKIP_MAX).then_some(Cursor { skip, range })
    }
}

fn from_hex(text: &str) -> Option<[u8; BYTES]> {
    if text.len() != 2 * BYTES || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; BYTES];
    for (byte, pair) in bytes.iter_mut().zip(0..) {
        *byte = u8::from_str_radix(text.get(2 * pair..2 * pair + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// FNV-1a: catches typing mistakes, not attackers, who gain nothing from a cursor.
fn check(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |sum, byte| (sum ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor() -> Cursor {
        let range = Range::new(EventTime::from_secs(60), EventTime::from_secs(120)).unwrap();
        Cursor { skip: 50, range }
    }

    #[test]
    fn cursors_round_trip() {
        assert_eq!(Cursor::decode(&cursor().encode()), Some(cursor()));
        let all = Cursor { skip: 1, range: Range::ALL_TIME };
        assert_eq!(Cursor::decode(&all.encode()), Some(all));
    }

    #[test]
    fn limit_pages_end_with_the_rows_and_at_the_last_place() {
        assert_eq!(cursor().next(10, 10), None);
        let next = cursor().next(11, 10).unwrap();
        assert_eq!(Cursor::decode(&next).unwrap().skip, 60);
        let last = Cursor { skip: Cursor::SKIP_MAX, ..cursor() };
        assert_eq!(last.next(11, 10), None);
    }

    #[test]
    fn garbage_is_no_cursor() {
        let good = cursor().encode();
        for at in 0..good.len() {
            let mut bad = good.clone().into_bytes();
            bad[at] = if bad[at] == b'0' { b'1' } else { b'0' };
            assert_eq!(Cursor::decode(std::str::from_utf8(&bad).unwrap()), None, "at {at}");
        }
        for bad in ["", "50", &good[1..], &format!("{good}00"), &"é".repeat(BYTES)] {
            assert_eq!(Cursor::decode(bad), None, "{bad:?}");
        }
    }
}
