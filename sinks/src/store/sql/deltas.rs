//! What a commit adds to the buckets of fingerprints, in the order of the tables.

use crate::store::slices::HOUR_SECS;

/// What a bucket of a fingerprint gains: bucket start, row number, events.
pub(crate) type Delta = (i64, i64, i64);

/// Adds the minutes, ordered, up to hours, ordered; hours that gain nothing are left out.
pub(crate) fn hours_of(minutes: &[Delta]) -> Vec<Delta> {
    let hour = |start: i64| start - start.rem_euclid(HOUR_SECS);
    let mut hours: Vec<Delta> =
        minutes.iter().map(|&(start, id, n)| (hour(start), id, n)).collect();
    hours.sort_unstable();
    hours.dedup_by(|next, kept| {
        let same = (next.0, next.1) == (kept.0, kept.1);
        if same {
            kept.2 += next.2;
        }
        same
    });
    hours.retain(|&(_, _, n)| n != 0);
    hours
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_of_an_hour_are_one_row_and_an_hour_that_gains_nothing_is_none() {
        let minutes =
            [(-60, 1, 1), (0, 1, 2), (60, 1, 3), (60, 2, 4), (3_600, 2, 5), (3_660, 2, -5)];
        assert_eq!(hours_of(&minutes), [(-3_600, 1, 1), (0, 1, 5), (0, 2, 4)]);
    }
}
