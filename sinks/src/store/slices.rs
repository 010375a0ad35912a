//! Ranges of event time over stored buckets: which buckets a range holds, which slice of a
//! sparkline a bucket falls into, and which part of a range can be answered from hours.
//!
//! A bucket belongs to `[from, to)` when it starts there. Bounds are instants, buckets are whole
//! seconds; everything here is exact.

use engine::component::IssueQuery;
use engine::model::{Bucket, EventTime};

/// The most slices a sparkline may have.
pub(crate) const POINTS_MAX: usize = 2_000;

/// Length of the coarser stored buckets in seconds.
pub(crate) const HOUR_SECS: i64 = 3_600;

const NANOS: i128 = 1_000_000_000;

/// Bucket starts `[start, end)` in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) start: i64,
    pub(crate) end: i64,
}

impl Range {
    /// Returns the starts of the buckets that belong to `[from, to)`.
    pub(crate) fn of(from: EventTime, to: EventTime) -> Range {
        Range { start: ceil_secs(from), end: ceil_secs(to) }
    }

    /// Returns whether a bucket belongs to the range.
    pub(crate) fn holds(self, bucket: Bucket) -> bool {
        self.start <= bucket.0 && bucket.0 < self.end
    }

    /// Returns whether every bucket that can be stored belongs to the range.
    pub(crate) fn holds_all_time(self) -> bool {
        self.start <= EventTime::OLDEST.secs() && self.end >= ceil_secs(EventTime(i64::MAX))
    }

    fn is_empty(self) -> bool {
        self.start >= self.end
    }
}

fn ceil_secs(time: EventTime) -> i64 {
    -(-i128::from(time.0)).div_euclid(NANOS) as i64
}

/// A part of a range and the table that answers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Whole hours.
    Hours(Range),
    /// The rest.
    Minutes(Range),
}

/// Splits a range into whole hours and what is left at its ends.
pub(crate) fn cover(range: Range) -> Vec<Piece> {
    let first = range.start.saturating_add(HOUR_SECS - 1).div_euclid(HOUR_SECS) * HOUR_SECS;
    let last = range.end.div_euclid(HOUR_SECS) * HOUR_SECS;
    let pieces = if first < last {
        vec![
            Piece::Minutes(Range { start: range.start, end: first }),
            Piece::Hours(Range { start: first, end: last }),
            Piece::Minutes(Range { start: last, end: range.end }),
        ]
    } else {
        vec![Piece::Minutes(range)]
    };
    let filled = |piece: &Piece| match piece {
        Piece::Hours(range) | Piece::Minutes(range) => !range.is_empty(),
    };
    pieces.into_iter().filter(filled).collect()
}

/// The equal slices of a sparkline.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slices {
    from: i128,
    span: i128,
    points: i128,
}

impl Slices {
    /// Returns the slices that a query asks for.
    pub(crate) fn of(query: &IssueQuery) -> Slices {
        let (from, to) = (i128::from(query.from.0), i128::from(query.to.0));
        Slices { from, span: (to - from).max(0), points: query.points.min(POINTS_MAX) as i128 }
    }

    /// Returns a sparkline without events.
    pub(crate) fn zeros(self) -> Vec<i64> {
        vec![0; self.points as usize]
    }

    /// Returns the slice into which a bucket of the range falls.
    pub(crate) fn index(self, bucket: Bucket) -> Option<usize> {
        let since = i128::from(bucket.0) * NANOS - self.from;
        let inside = since >= 0 && since < self.span && self.points > 0;
        inside.then(|| (since * self.points / self.span) as usize)
    }

    /// Returns the pieces of all slices; hours only where they lie inside one slice.
    pub(crate) fn cover(self) -> Vec<Piece> {
        let all = self.range(0, self.points);
        if self.points == 0 || self.span < i128::from(HOUR_SECS) * NANOS * self.points {
            return if all.is_empty() { Vec::new() } else { vec![Piece::Minutes(all)] };
        }
        (0..self.points).flat_map(|slice| cover(self.range(slice, slice + 1))).collect()
    }

    fn range(self, first: i128, end: i128) -> Range {
        Range { start: self.start_secs(first), end: self.start_secs(end) }
    }

    /// The first whole second at or after the start of a slice.
    fn start_secs(self, slice: i128) -> i64 {
        let points = self.points.max(1);
        let instant = self.from - (-(slice * self.span)).div_euclid(points);
        -(-instant).div_euclid(NANOS) as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::component::IssueOrder;
    use engine::model::Severity;

    fn query(from: i64, to: i64, points: usize) -> IssueQuery {
        IssueQuery {
            from: EventTime(from),
            to: EventTime(to),
            points,
            min_severity: Severity::Unknown,
            words: Vec::new(),
            service: None,
            tag: None,
            ids: None,
            only_new: false,
            triage: None,
            assignee: None,
            only_spiking: false,
            order: IssueOrder::Relevance,
            limit: 10,
            skip: 0,
            now: EventTime(to),
        }
    }

    #[test]
    fn a_range_holds_the_buckets_that_start_in_it() {
        let range = Range::of(EventTime(1), EventTime::from_secs(120));
        assert!(!range.holds(Bucket(0)) && range.holds(Bucket(60)) && !range.holds(Bucket(120)));
        assert!(Range::of(EventTime(-1), EventTime(1)).holds(Bucket(0)));
    }

    #[test]
    fn all_time_is_what_a_question_about_everything_asks_for() {
        let IssueQuery { from, to, .. } = IssueQuery::everything(EventTime(0));
        assert!(Range::of(from, to).holds_all_time());
        assert!(!Range::of(EventTime::from_secs(from.secs() + 1), to).holds_all_time());
        assert!(!Range::of(from, EventTime::from_secs(to.secs())).holds_all_time());
    }

    #[test]
    fn whole_hours_are_read_from_hours_and_the_ends_from_minutes() {
        let pieces = cover(Range { start: 3_540, end: 10_860 });
        assert_eq!(
            pieces,
            [
                Piece::Minutes(Range { start: 3_540, end: 3_600 }),
                Piece::Hours(Range { start: 3_600, end: 10_800 }),
                Piece::Minutes(Range { start: 10_800, end: 10_860 }),
            ]
        );
        assert_eq!(cover(Range { start: 60, end: 60 }), []);
    }

    #[test]
    fn the_pieces_of_slices_are_disjoint_complete_and_each_inside_one_slice() {
        for (from, to, points) in
            [(1, 86_400_000_000_007, 7), (-5_000_000_000_000, 9_000_000_000_001, 3), (0, 10, 4)]
        {
            let slices = Slices::of(&query(from, to, points));
            let all = Range::of(EventTime(from), EventTime(to));
            let mut next = all.start;
            for piece in slices.cover() {
                let (Piece::Hours(range) | Piece::Minutes(range)) = piece;
                assert_eq!(range.start, next);
                next = range.end;
                if let Piece::Hours(range) = piece {
                    assert_eq!(
                        slices.index(Bucket(range.start)),
                        slices.index(Bucket(range.end - 1))
                    );
                }
            }
            assert_eq!(next, all.end.max(all.start));
        }
    }

    #[test]
    fn limit_a_sparkline_has_at_most_points_max_slices() {
        assert_eq!(Slices::of(&query(0, 10, usize::MAX)).zeros().len(), POINTS_MAX);
    }
}
