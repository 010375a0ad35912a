//! Position: which rows were read, as the Offset of the `postgres` source. Pure.
//!
//! ```text
//!  ── floor ──┬──────── taken ─────────┬─ high ─┬── unread ──►   keys
//!  never read │ read again; a row that │ highest│
//!  again      │ is not in `taken` is   │ key    │
//!             │ late                   │ read   │
//! ```
//! The Offset is the JSON object `{floor, high, taken}`: two keys as lists of text, and the keys read
//! between them: `{"ranges": [[first, last], …]}` for a key of whole numbers, else `{"hashes": …}` with
//! 8 bytes of a hash of each key, in base64.
//!
//! *Limits:* [`TAKEN_MAX`] ranges or hashes; when they are reached, reading waits until the floor
//! moves, and says so. Whole numbers without holes need one range however many there are.

use crate::poll::{from_base64, json_text, to_base64};
use engine::model::Offset;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Most ranges or hashes in `taken`.
pub const TAKEN_MAX: usize = 50_000;

/// The values of a row's key columns, as text.
pub type Key = Vec<String>;

/// Which rows were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// No row up to here is read again.
    pub floor: Option<Key>,
    /// The highest key read.
    pub high: Option<Key>,
    taken: Taken,
}

/// Keys read above the floor.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Taken {
    /// First and last of each run of whole numbers.
    Ranges(BTreeMap<i64, i64>),
    Hashes(BTreeSet<u64>),
}

#[derive(Serialize, Deserialize)]
struct Written {
    floor: Option<Key>,
    high: Option<Key>,
    taken: WrittenTaken,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum WrittenTaken {
    Ranges(Vec<(i64, i64)>),
    Hashes(String),
}

impl Position {
    /// Returns the position of a source that has read nothing and takes what is behind `floor`.
    pub fn behind(floor: Option<Key>, whole_numbers: bool) -> Self {
        let taken = if whole_numbers {
            Taken::Ranges(BTreeMap::new())
        } else {
            Taken::Hashes(BTreeSet::new())
        };
        Self { high: floor.clone(), floor, taken }
    }

    /// Returns whether the key is a whole number.
    pub fn is_of_whole_numbers(&self) -> bool {
        matches!(self.taken, Taken::Ranges(_))
    }

    /// Returns whether no more keys can be remembered.
    pub fn is_full(&self) -> bool {
        match &self.taken {
            Taken::Ranges(ranges) => ranges.len() >= TAKEN_MAX,
            Taken::Hashes(hashes) => hashes.len() >= TAKEN_MAX,
        }
    }

    /// Returns whether the row was read.
    pub fn is_taken(&self, key: &Key) -> bool {
        match &self.taken {
            Taken::Ranges(ranges) => {
                let number = whole(key);
                ranges.range(..=number).next_back().is_some_and(|(_, last)| *last >= number)
            }
            Taken::Hashes(hashes) => hashes.contains(&hash(key)),
        }
    }

    /// Remembers that a row was read.
    pub fn take(&mut self, key: &Key) {
        match &mut self.taken {
            Taken::Ranges(ranges) => insert(ranges, whole(key)),
            Taken::Hashes(hashes) => {
                hashes.insert(hash(key));
            }
        }
    }

    /// Moves the floor to a row; all rows up to it were met in order and read.
    pub fn settle(&mut self, key: &Key) {
        match &mut self.taken {
            Taken::Ranges(ranges) => {
                let number = whole(key);
                while let Some(first) = ranges.first_entry().filter(|range| *range.key() <= number)
                {
                    let last = first.remove();
                    if last > number {
                        ranges.insert(number + 1, last);
                        break;
                    }
                }
            }
            Taken::Hashes(hashes) => {
                hashes.remove(&hash(key));
            }
        }
        self.floor = Some(key.clone());
    }

    /// Forgets keys of rows that are there no more: all but those met above the floor.
    pub fn keep_only(&mut self, met: &BTreeSet<u64>) {
        if let Taken::Hashes(hashes) = &mut self.taken {
            hashes.retain(|hash| met.contains(hash));
        }
    }

    /// Returns the position as the engine keeps it.
    pub fn to_offset(&self) -> Offset {
        let taken = match &self.taken {
            Taken::Ranges(ranges) => {
                WrittenTaken::Ranges(ranges.iter().map(|(first, last)| (*first, *last)).collect())
            }
            Taken::Hashes(hashes) => {
                let bytes: Vec<u8> = hashes.iter().flat_map(|hash| hash.to_le_bytes()).collect();
                WrittenTaken::Hashes(to_base64(&bytes))
            }
        };
        let written = Written { floor: self.floor.clone(), high: self.high.clone(), taken };
        Offset(json_text(&written))
    }

    /// Returns the position that the engine kept; nothing if it cannot be understood.
    pub fn parse(offset: &Offset) -> Option<Self> {
        let Written { floor, high, taken } = serde_json::from_str(&offset.0).ok()?;
        let taken = match taken {
            WrittenTaken::Ranges(ranges) => Taken::Ranges(ranges.into_iter().collect()),
            WrittenTaken::Hashes(text) => {
                let bytes = from_base64(&text)?;
                let (hashes, rest) = bytes.as_chunks::<8>();
                if !rest.is_empty() {
                    return None;
                }
                Taken::Hashes(hashes.iter().map(|hash| u64::from_le_bytes(*hash)).collect())
            }
        };
        Some(Self { floor, high, taken })
    }
}

/// Returns the hash of a key.
pub fn hash(key: &Key) -> u64 {
    xxhash_rust::xxh3::xxh3_64(key.join("\0").as_bytes())
}

/// Returns a key of a whole number, which is one column that the server wrote as such.
fn whole(key: &Key) -> i64 {
    key.first().and_then(|text| text.parse().ok()).unwrap_or_default()
}

fn insert(ranges: &mut BTreeMap<i64, i64>, number: i64) {
    let before = ranges.range(..=number).next_back().map(|(first, last)| (*first, *last));
    let mut first = number;
    if let Some((start, last)) = before {
        if last >= number {
            return;
        }
        if last == number - 1 {
            first = start;
        }
    }
    // A number has a successor here, else it would lie within the range before it.
    let after = number.checked_add(1).and_then(|next| ranges.remove(&next));
    ranges.insert(first, after.unwrap_or(number));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(number: i64) -> Key {
        vec![number.to_string()]
    }

    #[test]
    fn an_offset_reads_back_as_it_was_written() {
        for whole_numbers in [true, false] {
            let mut position = Position::behind(Some(key(3)), whole_numbers);
            for number in [7, 5, 6, 9, i64::MAX, i64::MIN] {
                position.take(&key(number));
            }
            position.high = Some(vec!["2026-01-01 00:00:00+00".into(), "9".into()]);
            assert_eq!(Position::parse(&position.to_offset()), Some(position));
        }
        assert_eq!(Position::parse(&Offset("{}".into())), None);
    }

    #[test]
    fn limit_a_table_without_holes_needs_one_range() {
        let mut position = Position::behind(None, true);
        (0..100_000).rev().for_each(|number| position.take(&key(number)));
        assert!(!position.is_full() && position.to_offset().0.len() < 100);
        (0..2 * TAKEN_MAX as i64).for_each(|n| position.take(&key(1_000_000 + 2 * n)));
        assert!(position.is_full());
    }

    proptest! {
        #[test]
        fn oracle_ranges_are_a_set(numbers in prop::collection::vec(0..60i64, 0..80), floor in 0..60i64) {
            let mut position = Position::behind(None, true);
            numbers.iter().for_each(|number| position.take(&key(*number)));
            position.settle(&key(floor));
            for number in 0..60 {
                let expected = number > floor && numbers.contains(&number);
                prop_assert_eq!(position.is_taken(&key(number)), expected);
            }
        }
    }
}
