//! Walks through the past bucket by bucket: counts in the buckets in which they arrived, deploys at their instants, a
//! beat at the end of each bucket.
//!
//! Behind the last bucket of files the clock goes on until nothing is open, for [`TAIL_SECS`] at most; that logs end
//! there is no news, so what begins behind it is left out. Behind the last bucket of a live engine nothing follows:
//! what was open still is.

use super::judges::Judges;
use super::past::{Count, Past};
use crate::progress::steps;
use engine::model::{
    Alert, AlertKey, AlertKind, AlertLevel, Bucket, BucketSize, Command, Fingerprint, Notice,
    Placed,
};
use operators::replay::{Determined, Replay};
use operators::spike::Arrived;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// How long the clock goes on while an alert is open.
pub const TAIL_SECS: i64 = 3 * 3600;
/// Buckets of a curve behind its alert, and in front of one that brings no curve along.
const CURVE_AFTER: i64 = 12;
const CURVE_BEFORE: i64 = 36;
/// Buckets of a curve.
const CURVE_MAX: i64 = 240;

/// What would have happened.
pub struct Outcome {
    /// Alerts, by their beginning.
    pub alerts: Vec<Fired>,
    /// Notices, each with the incident that it is about.
    pub notices: Vec<AlertKey>,
}

/// An alert that would have fired.
#[derive(Clone, Debug, PartialEq)]
pub struct Fired {
    /// What is reported of it.
    pub line: Determined,
    /// The alert.
    pub alert: Alert,
    /// Whether people would have heard of it.
    pub told: bool,
    /// Events of its buckets and around it.
    pub curve: Vec<Point>,
}

/// Returns when an alert was over: a silence when it was broken, anything else behind its last bucket.
pub fn end_of(alert: &Alert) -> Bucket {
    let secs = i64::from(alert.bucket_secs);
    let is_silence = alert.details.kind == AlertKind::GoneQuiet && !alert.details.state.is_open();
    let broken = if is_silence { alert.details.changed_at.secs() } else { 0 };
    Bucket((alert.last.0 + secs).max(broken))
}

/// A bucket of a curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// The bucket.
    pub bucket: Bucket,
    /// Events in it.
    pub observed: i64,
    /// Events that were expected, as far as that is known.
    pub expected: Option<f64>,
}

/// Lets the judges of a graph judge the past.
pub fn walk(past: &Past, judges: &Judges) -> Outcome {
    let mut replay = Replay::new(&judges.spikes, &judges.alerts);
    let size = replay.size();
    let arrived = past.arrived.as_ref().filter(|(of, _)| *of == size).map(|(_, arrived)| arrived);
    let Some(mut walk) = Walk::new(past, size, arrived) else {
        return Outcome { alerts: Vec::new(), notices: Vec::new() };
    };
    past.placed.iter().for_each(|placed| replay.place(placed.clone()));
    std::mem::take(&mut walk.stood).into_iter().for_each(|placed| replay.place(placed));
    replay.begin(walk.open);
    let end = walk.end;
    let bar = steps(((end.0 - walk.open.0) / size.secs()) as u64, "buckets");
    while walk.open < end {
        walk.fill(&mut replay);
        walk.open = size.step(walk.open, 1);
        replay.beat(walk.open.start());
        bar.inc(1);
    }
    bar.finish_and_clear();
    if arrived.is_some() {
        // What the open bucket says already.
        walk.fill(&mut replay);
        replay.beat(end.start());
    }
    let mut tail = end;
    while arrived.is_none() && replay.has_open() && tail.0 - end.0 < TAIL_SECS {
        tail = size.step(tail, 1);
        replay.beat(tail.start());
    }
    let last = if arrived.is_some() { end } else { size.step(end, -1) };
    let replayed = replay.finish();
    let mut alerts = replayed.alerts;
    alerts.retain(|alert| alert.start <= last);
    let incidents: BTreeSet<AlertKey> = alerts.iter().map(|it| it.details.incident).collect();
    let mut notices = replayed.notices;
    notices.retain(|notice| incidents.contains(&notice.incident));
    let told = Told::by(&notices);
    let fired = alerts.into_iter().map(|alert| Fired {
        line: Determined::of(&alert, past.title(alert.issue)),
        told: told.of(&alert),
        curve: curve(past, size, &alert, last),
        alert,
    });
    Outcome { alerts: fired.collect(), notices: notices.iter().map(|it| it.incident).collect() }
}

/// Of which alerts people hear.
struct Told {
    alerts: BTreeSet<AlertKey>,
    /// Incidents with a notice that does not list all of their alerts.
    unlisted: BTreeSet<AlertKey>,
}

impl Told {
    fn by(notices: &[Notice]) -> Told {
        let unlisted = notices.iter().filter(|notice| notice.more > 0);
        Told {
            alerts: notices.iter().flat_map(|it| &it.alerts).map(|alert| alert.key).collect(),
            unlisted: unlisted.map(|notice| notice.incident).collect(),
        }
    }

    fn of(&self, alert: &Alert) -> bool {
        self.alerts.contains(&alert.key) || self.unlisted.contains(&alert.details.incident)
    }
}

/// How far the walk has come.
struct Walk<'a> {
    past: &'a Past,
    size: BucketSize,
    /// What is to come, of this bucket and later ones.
    rest: &'a [Count],
    open: Bucket,
    /// The bucket that is never closed.
    end: Bucket,
    /// What comes late, by the bucket that is open then.
    late: BTreeMap<Bucket, Vec<(Bucket, u32, i64)>>,
    /// How much of each bucket comes late.
    late_of: HashMap<(Bucket, u32), i64>,
    /// Where fingerprints stood at first that went elsewhere.
    stood: Vec<Placed>,
    /// Where they go, by the bucket that is open then.
    moves: BTreeMap<Bucket, Vec<Placed>>,
    deploys: usize,
}

impl<'a> Walk<'a> {
    fn new(past: &'a Past, size: BucketSize, arrived: Option<&Arrived>) -> Option<Walk<'a>> {
        let (first, last) = (past.counts.first()?, past.counts.last()?);
        let from = first.bucket.max(past.horizon.unwrap_or(first.bucket));
        let rest = &past.counts[past.counts.partition_point(|count| count.bucket < from)..];
        let from = size.coarsen(rest.first()?.bucket);
        let begins = arrived.map_or(from, |arrived| arrived.began.max(from));
        let ends = size.step(size.coarsen(last.bucket), 1);
        let end = arrived.map_or(ends, |arrived| arrived.open.max(begins));
        let mut walk = Walk {
            past,
            size,
            rest,
            open: begins,
            end,
            late: BTreeMap::new(),
            late_of: HashMap::new(),
            stood: Vec::new(),
            moves: BTreeMap::new(),
            deploys: 0,
        };
        let moved = arrived.map_or(&[][..], |arrived| &arrived.moved);
        walk.move_back(moved.iter().filter(|(open, _)| *open >= begins));
        for row in arrived.into_iter().flat_map(|arrived| &arrived.late) {
            // What came before anything that is left is part of what was learned before it, and gone like that.
            let Some(of) = past.place_of(row.fingerprint).filter(|_| row.arrived >= begins) else {
                continue;
            };
            walk.late.entry(row.arrived).or_default().push((row.bucket, of, row.events));
            *walk.late_of.entry((row.bucket, of)).or_default() += row.events;
        }
        Some(walk)
    }

    /// Undoes moves, which are ascending, to know where each fingerprint stood and when it went on.
    fn move_back<'m>(&mut self, moved: impl DoubleEndedIterator<Item = &'m (Bucket, Placed)>) {
        let mut stood: BTreeMap<Fingerprint, Placed> = BTreeMap::new();
        for (open, before) in moved.rev() {
            let Some(of) = self.past.place_of(before.fingerprint) else { continue };
            let now = stood.insert(before.fingerprint, before.clone());
            let now = now.unwrap_or_else(|| self.past.placed[of as usize].clone());
            self.moves.entry(*open).or_default().push(now);
        }
        self.stood = stood.into_values().collect();
    }

    /// Gives a replay what arrives and happens in the open bucket.
    fn fill(&mut self, replay: &mut Replay) {
        let next = self.size.step(self.open, 1);
        let moves = self.moves.remove(&self.open).unwrap_or_default();
        moves.into_iter().rev().for_each(|placed| replay.place(placed));
        let deploys = &self.past.deploys[self.deploys..];
        for deploy in deploys.iter().take_while(|deploy| deploy.at < next.start()) {
            replay.command(deploy.at, Command::Deploy(deploy.clone()));
            self.deploys += 1;
        }
        let (now, rest) = self.rest.split_at(self.rest.partition_point(|it| it.bucket < next));
        self.rest = rest;
        let mut events: BTreeMap<(Bucket, u32), i64> = BTreeMap::new();
        for count in now {
            *events.entry((self.size.coarsen(count.bucket), count.of)).or_default() += count.events;
        }
        for ((bucket, of), events) in events {
            let late = self.late_of.get(&(bucket, of)).copied().unwrap_or_default();
            self.count(replay, bucket, of, events - late);
        }
        for (bucket, of, events) in self.late.remove(&self.open).unwrap_or_default() {
            self.count(replay, bucket, of, events);
        }
    }

    fn count(&self, replay: &mut Replay, bucket: Bucket, of: u32, events: i64) {
        if events != 0 {
            replay.count(bucket, self.past.placed[of as usize].fingerprint, events);
        }
    }
}

/// Returns the curve of an alert: that of its leading fingerprint, or of its whole service.
fn curve(past: &Past, size: BucketSize, alert: &Alert, last: Bucket) -> Vec<Point> {
    let baseline = &alert.details.explanation.baseline;
    let from = baseline.first().map_or(size.step(alert.start, -CURVE_BEFORE), |it| it.bucket);
    let to = size.step(size.coarsen(end_of(alert)), CURVE_AFTER).min(last).max(alert.start);
    let to = to.min(size.step(from, CURVE_MAX));
    let level = alert.details.level;
    let mut observed: BTreeMap<Bucket, i64> = BTreeMap::new();
    for count in past.between(from, size.step(to, 1)) {
        let placed = &past.placed[count.of as usize];
        let is_own = match level {
            AlertLevel::Service => placed.service == alert.details.service,
            AlertLevel::Issue => placed.issue == alert.issue,
            AlertLevel::Fingerprint => placed.fingerprint == alert.details.lead,
        };
        if is_own {
            *observed.entry(size.coarsen(count.bucket)).or_default() += count.events;
        }
    }
    let buckets = (0..=(to.0 - from.0) / size.secs()).map(|n| size.step(from, n));
    buckets
        .map(|bucket| {
            let known = baseline.iter().find(|point| point.bucket == bucket);
            let flat = (level != AlertLevel::Fingerprint).then_some(alert.peak.expected_milli);
            let expected = known.map(|point| point.expected_milli).or(flat);
            Point {
                bucket,
                observed: observed.get(&bucket).copied().unwrap_or_default(),
                expected: expected.map(|milli| milli as f64 / 1000.0),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::model::{IssueId, Severity};
    use operators::spike::LateCount;

    const SIZE: BucketSize = BucketSize::FIVE_MINUTES;

    fn past(counts: &[(i64, i64)]) -> Past {
        let (fingerprint, issue) = (Fingerprint(7), IssueId(7));
        let placed = Placed { fingerprint, issue, service: "".into(), severity: Severity::Error };
        let count =
            |(secs, events): &(i64, i64)| Count { bucket: Bucket(*secs), of: 0, events: *events };
        Past { placed: vec![placed], counts: counts.iter().map(count).collect(), ..Past::default() }
    }

    #[test]
    fn what_came_late_is_not_counted_on_time() {
        let past = past(&[(0, 5), (60, 3), (900, 1)]);
        let late = LateCount {
            arrived: Bucket(600),
            bucket: Bucket(0),
            fingerprint: Fingerprint(7),
            events: 3,
        };
        let (began, open) = (Bucket(0), Bucket(1200));
        let arrived = Arrived { began, open, late: vec![late], moved: Vec::new() };
        let walk = Walk::new(&past, SIZE, Some(&arrived)).unwrap();
        assert_eq!((walk.open, walk.end), (Bucket(0), Bucket(1200)));
        assert_eq!(walk.late_of[&(Bucket(0), 0)], 3);
        assert_eq!(walk.late[&Bucket(600)], [(Bucket(0), 0, 3)]);
    }

    #[test]
    fn a_fingerprint_stands_where_it_stood_when_a_bucket_was_open() {
        let past = past(&[(0, 5), (900, 3)]);
        let stood = |issue| Placed { issue: IssueId(issue), ..past.placed[0].clone() };
        let (began, open) = (Bucket(0), Bucket(1200));
        // Of issue 5 at first, then of 6, and of 7 today.
        let moved = vec![(Bucket(300), stood(5)), (Bucket(900), stood(6))];
        let arrived = Arrived { began, open, late: Vec::new(), moved };
        let walk = Walk::new(&past, SIZE, Some(&arrived)).unwrap();
        assert_eq!(walk.stood, [stood(5)]);
        assert_eq!(walk.moves[&Bucket(300)], [stood(6)]);
        assert_eq!(walk.moves[&Bucket(900)], [stood(7)]);
    }

    #[test]
    fn the_walk_begins_where_minutes_begin() {
        let past = Past { horizon: Some(Bucket(600)), ..past(&[(0, 5), (660, 3)]) };
        assert_eq!(Walk::new(&past, SIZE, None).unwrap().open, Bucket(600));
        assert!(Walk::new(&Past::default(), SIZE, None).is_none());
    }
}
