//! Marks: up to which key no transaction can bring another row. Pure.
//!
//! A mark is what one poll's snapshot saw, the highest key, and an id above those of all transactions
//! that had written something by then. A transaction with that id or a later one made its first write after the snapshot, so it drew
//! its keys after the highest one was there. Once every transaction with a smaller id has ended (the
//! snapshot's `xmin` says so), rows that appear from then on have higher keys. What is left is the time
//! between drawing a key (or beginning, if the key is the time of that) and the first write: a mark
//! only counts when it is older than the `overlap`.
//!
//! That id is not the snapshot's `xmax`: it is the one behind the last transaction that has *ended*, and
//! transactions with higher ids may be running for long. After the poll those that run are asked for
//! first ([`above_all`]), then `xmax`: whatever had an id before the poll is among them, or has ended.
//!
//! Nothing here looks at the `xmin` of rows: freezing, updates and the wraparound of 32-bit ids change
//! nothing, and ids of snapshots have 64 bits.
//!
//! *Limits:* [`MARKS_MAX`] marks; beyond it every second one is forgotten, which settles later, never
//! sooner.

use super::position::Key;
use engine::model::EventTime;
use std::time::Duration;

/// Most marks that wait.
const MARKS_MAX: usize = 64;

#[derive(Clone, Debug)]
struct Mark {
    seen: EventTime,
    next_transaction: i64,
    highest: Key,
}

/// Marks of past polls, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Marks(Vec<Mark>);

impl Marks {
    /// Adds what a poll saw.
    pub fn add(&mut self, seen: EventTime, next_transaction: i64, highest: Key) {
        if self.0.len() >= MARKS_MAX {
            let mut index = 0;
            self.0.retain(|_| {
                index += 1;
                index % 2 == 1
            });
        }
        self.0.push(Mark { seen, next_transaction, highest });
    }

    /// Returns the highest key of the newest mark that counts, and forgets the older ones.
    pub fn settled(
        &mut self,
        oldest_running: i64,
        now: EventTime,
        overlap: Duration,
    ) -> Option<Key> {
        let overlap = i64::try_from(overlap.as_nanos()).unwrap_or(i64::MAX);
        let counts = |mark: &Mark| {
            mark.next_transaction <= oldest_running && now.0.saturating_sub(mark.seen.0) >= overlap
        };
        let last = self.0.iter().rposition(counts)?;
        self.0.drain(..last);
        Some(self.0[0].highest.clone())
    }
}

/// Returns an id above those of transactions that run, of which the low 32 bits are known, and of those
/// that have ended, all below `ended`.
pub fn above_all(running: impl IntoIterator<Item = i64>, ended: i64) -> i64 {
    // A running one is less than half the range of 32 bits away from one that has ended lately.
    let whole = |low: i64| {
        let distance = (low as u32).wrapping_sub(ended as u32).cast_signed();
        ended + i64::from(distance)
    };
    running.into_iter().map(|low| whole(low) + 1).fold(ended, i64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OVERLAP: Duration = Duration::from_secs(10);

    fn at(secs: i64) -> EventTime {
        EventTime::from_secs(secs)
    }

    fn key(text: &str) -> Key {
        vec![text.to_owned()]
    }

    #[test]
    fn a_mark_counts_when_its_transactions_have_ended_and_the_overlap_is_over() {
        let mut marks = Marks::default();
        marks.add(at(0), 100, key("5"));
        marks.add(at(20), 110, key("9"));
        assert_eq!(marks.settled(99, at(60), OVERLAP), None, "transaction 99 still runs");
        assert_eq!(marks.settled(100, at(9), OVERLAP), None, "a key may just have been drawn");
        assert_eq!(marks.settled(105, at(60), OVERLAP), Some(key("5")));
        assert_eq!(marks.settled(110, at(60), OVERLAP), Some(key("9")));
        assert_eq!(marks.settled(110, at(60), OVERLAP), Some(key("9")), "it still holds");
    }

    #[test]
    fn ids_above_all_count_running_ones_behind_the_last_that_ended_and_on_both_sides_of_a_wraparound()
     {
        assert_eq!(above_all([], 100), 100);
        assert_eq!(above_all([100, 90], 100), 101, "it runs and nothing after it has ended");
        let turn = 5 << 32;
        assert_eq!(above_all([3], turn - 2), turn + 4);
        assert_eq!(above_all([0xFFFF_FFFE], turn + 7), turn + 7);
    }

    #[test]
    fn limit_marks_are_thinned_out_while_a_transaction_runs_for_ever() {
        let mut marks = Marks::default();
        for second in 0..10_000 {
            marks.add(at(second), 100 + second, key(&second.to_string()));
        }
        assert!(marks.0.len() <= MARKS_MAX);
        assert_eq!(marks.settled(100, at(20_000), OVERLAP), Some(key("0")));
    }
}
