//! What the stores agree on about rows: names of counters, ranks of sources, which smallest hashes
//! stay, and which buckets belong to a history.

use engine::component::{Commit, History, Incarnation, StoreError, StreamKind};
use engine::model::{
    Bucket, Counter, Embedding, Epoch, EventTime, FirstSeen, RejectReason, Sample, SourceIndex,
    TextId, VectorRow,
};
use std::borrow::Cow;
use std::collections::HashMap;

/// What stores take in, and whether they need it.
pub(crate) const STORE_INPUTS: &[(StreamKind, bool)] = &[
    (StreamKind::Counts, true),
    (StreamKind::Issues, true),
    (StreamKind::Tags, false),
    (StreamKind::Alerts, false),
    (StreamKind::Standings, false),
];

/// The `first` of a fingerprint whose sighting has not arrived: the neutral element of the merge.
pub(crate) const NEVER_FIRST: FirstSeen = FirstSeen { time: EventTime(i64::MAX), hash: u64::MAX };
/// The `last` of such a fingerprint.
pub(crate) const NEVER_LAST: EventTime = EventTime(i64::MIN);

/// A map with the fast hasher; iteration order means nothing.
pub(crate) type FastMap<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

/// Returns the id under which rows of `source` are stored.
pub(crate) fn source_id(source_ids: &[String], source: SourceIndex) -> Cow<'_, str> {
    match source_ids.get(usize::from(source.0)) {
        Some(id) => Cow::Borrowed(id),
        None => Cow::Owned(format!("source {}", source.0)),
    }
}

/// Returns the rank that decides which source a fingerprint was first listed in: the position in
/// the graph, and before all of them a source that is no longer in the graph.
pub(crate) fn source_rank(source_ids: &[String], id: &str) -> i64 {
    match source_ids.iter().position(|known| known == id) {
        Some(position) => i64::try_from(position).unwrap_or(i64::MAX),
        None => GONE_RANK,
    }
}

/// The rank of a source that is not in the graph.
pub(crate) const GONE_RANK: i64 = -1;

/// Returns why `commit` may not be applied to what is stored.
pub(crate) fn fenced(
    commit: &Commit,
    epoch: Option<Epoch>,
    incarnation: Option<Incarnation>,
) -> StoreError {
    if incarnation != Some(commit.incarnation) {
        let owner = incarnation.map_or_else(|| "nobody".to_owned(), |owner| owner.0.to_string());
        return StoreError::Fenced(format!(
            "epoch {} comes from incarnation {}, but the owner is {owner}",
            commit.epoch, commit.incarnation.0
        ));
    }
    let name = |epoch: Option<Epoch>| epoch.map_or_else(|| "none".to_owned(), |e| e.to_string());
    StoreError::Fenced(format!(
        "epoch {} follows epoch {}, but the last stored one is {}",
        commit.epoch,
        name(commit.predecessor),
        name(epoch)
    ))
}

/// Returns the UTC day of `time`, counted from 1970.
pub(crate) fn day_of(time: EventTime) -> i64 {
    time.secs().div_euclid(86_400)
}

/// Returns whether `candidate` replaces the stored example with the same hash.
pub(crate) fn sample_replaces(candidate: (EventTime, &str), stored: (EventTime, &str)) -> bool {
    candidate < stored
}

/// Returns the stored name of a counter.
pub(crate) fn counter_name(counter: &Counter) -> Cow<'static, str> {
    match counter {
        Counter::LinesRead => "lines_read".into(),
        Counter::LinesBlank => "lines_blank".into(),
        Counter::LinesCut => "lines_cut".into(),
        Counter::InvalidUtf8 => "invalid_utf8".into(),
        Counter::Read => "read".into(),
        Counter::Filtered(operator) => format!("filtered:{operator}").into(),
        Counter::Sampled(operator) => format!("sampled:{operator}").into(),
        Counter::Rejected(reason) => format!("rejected:{}", reason.as_str()).into(),
        Counter::Overflowed => "overflowed".into(),
        Counter::LostBytes => "lost_bytes".into(),
    }
}

/// Returns the counter with a stored name.
pub(crate) fn counter_named(name: &str) -> Option<Counter> {
    Some(match name.split_once(':') {
        Some(("filtered", operator)) => Counter::Filtered(operator.to_owned()),
        Some(("sampled", operator)) => Counter::Sampled(operator.to_owned()),
        Some(("rejected", reason)) => Counter::Rejected(reason_named(reason)?),
        Some(_) => return None,
        None => match name {
            "lines_read" => Counter::LinesRead,
            "lines_blank" => Counter::LinesBlank,
            "lines_cut" => Counter::LinesCut,
            "invalid_utf8" => Counter::InvalidUtf8,
            "read" => Counter::Read,
            "overflowed" => Counter::Overflowed,
            "lost_bytes" => Counter::LostBytes,
            _ => return None,
        },
    })
}

fn reason_named(name: &str) -> Option<RejectReason> {
    RejectReason::ALL.into_iter().find(|reason| reason.as_str() == name)
}

/// Returns the samples of one fingerprint by UTC day.
pub(crate) fn samples_by_day(samples: &[Sample]) -> Vec<(i64, Vec<&Sample>)> {
    let mut ordered: Vec<&Sample> = samples.iter().collect();
    ordered.sort_unstable_by_key(|sample| (day_of(sample.time), sample.hash, sample.time));
    let mut days: Vec<(i64, Vec<&Sample>)> = Vec::new();
    for sample in ordered {
        let day = day_of(sample.time);
        match days.last_mut() {
            Some((last, of_day)) if *last == day => of_day.push(sample),
            _ => days.push((day, vec![sample])),
        }
    }
    days
}

/// The buckets of one fingerprint that a history asks for, added up as they come, oldest first.
#[derive(Default)]
pub(crate) struct Coarse(Vec<(Bucket, i64)>);

impl Coarse {
    /// Returns the first bucket that belongs to the history: an earlier one is of a larger bucket that
    /// starts too early.
    pub(crate) fn first(history: History) -> Bucket {
        let History { size, since } = history;
        let inside = since.0.rem_euclid(size.secs());
        if inside == 0 { since } else { Bucket(since.0.saturating_add(size.secs() - inside)) }
    }

    /// Adds the next bucket.
    pub(crate) fn add(&mut self, history: History, bucket: Bucket, n: i64) {
        let bucket = history.size.coarsen(bucket);
        match self.0.last_mut() {
            Some((last, sum)) if *last == bucket => *sum += n,
            _ => {
                self.0.pop_if(|(_, sum)| *sum == 0);
                self.0.push((bucket, n));
            }
        }
    }

    /// Returns the buckets that hold any events.
    pub(crate) fn filled(mut self) -> Vec<(Bucket, i64)> {
        self.0.pop_if(|(_, sum)| *sum == 0);
        self.0
    }
}

/// Returns what recovery needs of a vector; nothing of a damaged one, which is then made anew.
pub(super) fn embedded(row: &VectorRow) -> Option<(TextId, Embedding)> {
    Some((row.text, row.embedding()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::model::BucketSize;

    #[test]
    fn every_counter_is_found_again_by_its_stored_name() {
        let mut counters = vec![
            Counter::LinesRead,
            Counter::LinesBlank,
            Counter::LinesCut,
            Counter::InvalidUtf8,
            Counter::Read,
            Counter::Filtered("a:b".into()),
            Counter::Sampled("s".into()),
            Counter::Overflowed,
            Counter::LostBytes,
        ];
        counters.extend(RejectReason::ALL.map(Counter::Rejected));
        for counter in counters {
            assert_eq!(counter_named(&counter_name(&counter)), Some(counter));
        }
        assert_eq!(counter_named("rejected:whim"), None);
    }

    #[test]
    fn a_history_begins_with_a_whole_coarse_bucket_and_skips_empty_ones() {
        let history = |since| History { size: BucketSize::FIVE_MINUTES, since: Bucket(since) };
        let first = |since| Coarse::first(history(since)).0;
        assert_eq!([first(300), first(301), first(-1), first(-300)], [300, 600, 0, -300]);
        assert!(first(i64::MIN) < i64::MIN + 300 && first(i64::MAX) == i64::MAX);
        let mut coarse = Coarse::default();
        for (secs, n) in [(300, 1), (360, 2), (600, 1), (660, -1), (900, 4), (1200, 1), (1260, -1)]
        {
            coarse.add(history(300), Bucket(secs), n);
        }
        assert_eq!(coarse.filled(), [(Bucket(300), 3), (Bucket(900), 4)]);
    }
}
