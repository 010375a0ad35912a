//! What the detector promises, on made-up traffic.

use super::reference::Reference;
use super::*;
use engine::model::IssueId;
use engine::testing::generate::Seeded;

/// Events of a series of a group that arrive in some tick: arrival, series, bucket, events.
type Arrival = (i64, usize, i64, u32);

const SERIES: usize = 24;
const GROUPS: usize = 3;
const FIRST: i64 = 20_000 * 288;
/// Series of an issue: of three groups, and of all kinds.
const MEMBERS: usize = 6;

fn issue_of(series: usize) -> IssueId {
    IssueId((series / MEMBERS) as u128)
}

/// Traffic of some days: busy, rare, batchy and scheduled series, late events, gaps and bursts.
fn traffic(seed: u64, ticks: i64) -> Vec<Arrival> {
    let mut chance = Seeded::new(seed);
    let mut arrivals = Vec::new();
    for series in 0..SERIES {
        let born = if series % 5 == 4 { chance.below(ticks as u64 / 2) as i64 } else { 0 };
        let one_in = [1, 1, 4, 30, 300][series % 5];
        let burst = chance.below(ticks as u64) as i64;
        for tick in born..ticks {
            let silent = series % GROUPS == 0 && (ticks / 3..ticks / 3 + 10).contains(&tick);
            let mut events = match chance.below(one_in) {
                0 if !silent => 1 + chance.below([30, 3, 1, 6, 2][series % 5]) as u32,
                _ => 0,
            };
            if (burst..burst + 4).contains(&tick) {
                events += 40 + chance.below(40) as u32;
            }
            if series % 7 == 3 && tick % 12 == 5 {
                events += 15;
            }
            // Members of an issue have a little more than usual together.
            let crowd = ticks / 8 + 20 * (series / MEMBERS) as i64;
            if series >= 2 * MEMBERS && (crowd..crowd + 4).contains(&(tick % (ticks / 4))) {
                events += [12, 2, 1, 1, 1][series % 5];
            }
            for _ in 0..events {
                let late = if chance.below(12) == 0 { chance.below(70) as i64 } else { 0 };
                arrivals.push((tick + late, series, tick, 1));
            }
        }
    }
    arrivals.retain(|arrival| arrival.0 < ticks);
    arrivals.sort_unstable();
    arrivals
}

/// A detector with the series of the traffic.
struct Run {
    detector: Detector,
    groups: [usize; GROUPS],
    ids: [Option<SeriesId>; SERIES],
    /// What happened, by tick and the series' number.
    told: Vec<(i64, usize, Change)>,
    /// What happened to issues and groups, by tick.
    together: Vec<(i64, Whole, Change)>,
}

impl Run {
    fn new() -> Run {
        let mut detector = Detector::new(settings(), FIRST);
        let groups = [(); GROUPS].map(|()| detector.add_group());
        Run { detector, groups, ids: [None; SERIES], told: Vec::new(), together: Vec::new() }
    }

    fn add(&mut self, &(_, series, bucket, events): &Arrival) {
        let group = self.groups[series % GROUPS];
        let id = *self.ids[series].get_or_insert_with(|| {
            let id = self.detector.add_series(group);
            self.detector.belongs(id, issue_of(series));
            id
        });
        self.detector.add(id, FIRST + bucket, events);
    }

    fn close(&mut self, tick: i64) -> Vec<(SeriesId, Change)> {
        let Closed { series: changes, wholes } = self.detector.close();
        self.together.extend(wholes.into_iter().map(|(whole, change)| (tick, whole, change)));
        let number = |id| self.ids.iter().position(|known| *known == Some(id)).unwrap();
        let mut told: Vec<_> =
            changes.iter().map(|(id, change)| (tick, number(*id), *change)).collect();
        told.sort_by_key(|told| told.1);
        self.told.append(&mut told);
        changes
    }
}

/// Feeds arrivals in their order and returns what happened to series.
fn told(arrivals: &[Arrival], ticks: i64, eager: bool) -> Vec<(i64, usize, Change)> {
    ran(arrivals, ticks, eager).told
}

/// Feeds arrivals in their order.
fn ran(arrivals: &[Arrival], ticks: i64, eager: bool) -> Run {
    let mut run = Run::new();
    run.detector.leaves_alone = !eager;
    let mut arrivals = arrivals.iter().peekable();
    for tick in 0..ticks {
        while let Some(arrival) = arrivals.next_if(|next| next.0 == tick) {
            run.add(arrival);
        }
        run.close(tick);
    }
    run
}

#[allow(clippy::disallowed_methods, reason = "a test's own number of cases")]
fn cases() -> u64 {
    std::env::var("SEISMOLOG_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(12)
}

/// The defaults, for exactly as many series as there are.
fn settings() -> Settings {
    Settings { series_min: 1, ..Settings::default() }
}

#[test]
fn the_order_in_which_events_of_a_tick_arrive_changes_nothing() {
    let mut together = 0;
    for seed in 0..cases() {
        let arrivals = traffic(seed, 700);
        let expected = ran(&arrivals, 700, false);
        let is_fired = |change: &Change| matches!(change, Change::Fired { .. });
        let fired = expected.told.iter().filter(|told| is_fired(&told.2)).count();
        assert!(fired > 5, "seed {seed}: only {fired} alarms are compared");
        together += expected.together.iter().filter(|told| is_fired(&told.2)).count();
        let mut shuffled = arrivals;
        Seeded::new(seed ^ 1).shuffle(&mut shuffled);
        shuffled.sort_by_key(|arrival| arrival.0);
        let run = ran(&shuffled, 700, false);
        assert_eq!(run.told, expected.told, "seed {seed}");
        assert_eq!(run.together, expected.together, "seed {seed}");
    }
    assert!(together > 3, "only {together} alarms of wholes are compared");
}

#[test]
fn leaving_quiet_series_alone_changes_nothing() {
    for seed in 100..100 + cases() {
        let arrivals = traffic(seed, 900);
        assert_eq!(told(&arrivals, 900, false), told(&arrivals, 900, true), "seed {seed}");
    }
}

#[test]
fn what_comes_later_never_changes_what_was_told() {
    for seed in 200..200 + cases() {
        let arrivals = traffic(seed, 700);
        let mut all = ran(&arrivals, 700, false);
        all.told.retain(|told| told.0 < 450);
        all.together.retain(|told| told.0 < 450);
        let before: Vec<_> = arrivals.into_iter().filter(|arrival| arrival.0 < 450).collect();
        let run = ran(&before, 450, false);
        assert_eq!((run.told, run.together), (all.told, all.together), "seed {seed}");
    }
}

/// Feeds one series with so many events in each tick; returns the ticks at which it fired anew.
fn fires(events: impl IntoIterator<Item = u32>) -> Vec<usize> {
    let mut detector = Detector::new(settings(), FIRST);
    let group = detector.add_group();
    let id = detector.add_series(group);
    let ticks = events.into_iter().enumerate().filter_map(|(tick, events)| {
        if events > 0 {
            detector.add(id, FIRST + tick as i64, events);
        }
        let changes = detector.close().series;
        let is_new = |change: &Change| matches!(change, Change::Fired { reopened: false, .. });
        changes.iter().any(|(_, change)| is_new(change)).then_some(tick)
    });
    ticks.collect()
}

#[test]
fn a_tenfold_burst_fires_in_its_bucket() {
    let steady = |tick: u32| 2 + tick % 3;
    let burst = (0..400).map(|tick| if tick == 300 { 30 } else { steady(tick) });
    // That it is there at all, 36 times an hour, was the first news.
    assert_eq!(fires(burst), [1, 300]);
    assert_eq!(fires((0..400).map(steady)), [1], "steady is quiet");
}

#[test]
fn a_burst_soon_after_a_long_alert_is_an_alert_of_its_own() {
    let long = (0..800u32).map(|tick| match tick {
        400..434 => 30,
        440..443 => 900,
        _ => 2 + tick % 3,
    });
    assert_eq!(fires(long), [1, 400, 440]);
}

#[test]
fn a_series_without_an_event_for_four_weeks_begins_anew() {
    let month = 28 * 288;
    let events = (0..month + 1_000).map(|tick| match tick {
        0..500 => 40,
        tick if tick == month + 600 => 25,
        _ => 0,
    });
    let fired = fires(events);
    assert_eq!(
        fired.last(),
        Some(&(month as usize + 600)),
        "the first burst of something new: {fired:?}"
    );
}

#[test]
fn the_first_burst_of_something_new_fires() {
    assert_eq!(fires([0, 0, 25, 20, 30, 0, 0]), [2]);
}

#[test]
fn from_the_third_run_on_a_schedule_is_no_news() {
    let daily = (0..288 * 6).map(|tick| if tick % 288 == 100 { 60 } else { 0 });
    let fired = fires(daily);
    assert!(fired.iter().all(|tick| *tick < 2 * 288), "{fired:?}");
}

#[test]
fn a_lasting_level_becomes_the_new_normal_after_three_hours() {
    let step = (0..600u32).map(|tick| if tick < 200 { 3 + tick % 2 } else { 30 + tick % 5 });
    assert_eq!(fires(step), [1, 200]);
}

#[test]
fn fewer_events_than_asked_for_never_fire() {
    let few = (0..2_000).map(|tick| if tick == 1_000 { 4 } else { u32::from(tick == 0) });
    let none = fires(few).into_iter().filter(|tick| *tick > 0).count();
    assert_eq!(none, 0, "four events are three more than were expected, at most");
}

#[test]
fn a_series_is_alive_for_a_week_after_its_last_event() {
    let mut detector = Detector::new(settings(), FIRST);
    let group = detector.add_group();
    let ids = [(); 2].map(|()| detector.add_series(group));
    ids.iter().for_each(|id| detector.add(*id, FIRST, 1));
    let mut alive = Vec::new();
    for tick in 0..2_100 {
        if tick == 1_000 {
            detector.add(ids[1], FIRST + tick, 1);
        }
        detector.close();
        alive.push(detector.alive);
    }
    assert_eq!((alive[2_015], alive[2_016]), (2, 1));
    detector.add(ids[0], FIRST + 2_100, 1);
    assert_eq!(detector.alive, 2);
}

#[test]
fn a_detector_put_together_from_its_rows_goes_on_as_if_it_had_never_stopped() {
    const TICKS: i64 = 800;
    for seed in 300..300 + cases() {
        let arrivals = traffic(seed, TICKS);
        let whole = ran(&arrivals, TICKS, false);
        let mut chance = Seeded::new(seed);
        let mut run = Run::new();
        let mut arrivals = arrivals.iter().peekable();
        let mut rows: BTreeMap<SeriesId, Vec<u8>> = BTreeMap::new();
        for tick in 0..TICKS {
            while let Some(arrival) = arrivals.next_if(|next| next.0 == tick) {
                run.add(arrival);
            }
            // As an engine does: only what may have changed is stored.
            let changed: Vec<_> = run.detector.active().collect();
            run.close(tick);
            rows.extend(changed.into_iter().map(|id| (id, run.detector.series_row(id))));
            if chance.below(40) == 0 {
                let groups = [0, 1, 2].map(|group| run.detector.group_row(group));
                let (now, wholes) = (run.detector.now(), run.detector.wholes_row());
                let restored = Detector::restored(
                    settings(),
                    now,
                    groups.iter().map(Vec::as_slice),
                    rows.values().map(Vec::as_slice),
                );
                run.detector = restored.unwrap().with_wholes(wholes.as_deref()).unwrap();
                for (series, id) in run.ids.iter().enumerate() {
                    id.iter().for_each(|id| run.detector.belongs(*id, issue_of(series)));
                }
            }
        }
        assert_eq!(run.told, whole.told, "seed {seed}");
        assert_eq!(run.together, whole.together, "seed {seed}");
        let longest = rows.values().map(Vec::len).max().unwrap();
        assert!(longest < 2_500, "a row has {longest} bytes");
    }
}

#[test]
fn what_is_told_early_is_told_at_the_close() {
    const TICKS: i64 = 700;
    let (mut early, mut late) = (0, 0);
    for seed in 400..400 + cases() {
        // Without late events, which may talk it out of that.
        let mut arrivals = traffic(seed, TICKS);
        arrivals.retain(|arrival| arrival.0 == arrival.2);
        let mut run = Run::new();
        let mut arrivals = arrivals.iter().peekable();
        let mut chance = Seeded::new(seed);
        for tick in 0..TICKS {
            let mut told = BTreeSet::new();
            while let Some(arrival) = arrivals.next_if(|next| next.0 == tick) {
                let alive = run.detector.alive;
                run.add(arrival);
                if run.detector.alive > alive {
                    // One more series that could have alarmed.
                    told.clear();
                }
                if chance.below(10) == 0 {
                    told.extend(run.detector.early().into_iter().map(|(id, _)| id));
                }
            }
            let fired: BTreeSet<_> = run
                .close(tick)
                .into_iter()
                .filter(|(_, change)| matches!(change, Change::Fired { .. }))
                .map(|(id, _)| id)
                .collect();
            assert!(told.is_subset(&fired), "seed {seed}, tick {tick}: {told:?} of {fired:?}");
            (early, late) = (early + told.len(), late + fired.len());
        }
    }
    assert!(early > late / 2, "{early} of {late} were told early");
}

#[test]
fn a_row_that_cannot_be_read_is_refused() {
    let rows: [&[u8]; 1] = [b"no series"];
    let error = Detector::restored(settings(), FIRST, [], rows).unwrap_err();
    assert!(error.to_string().contains("cannot be read"), "{error}");
}

#[test]
fn it_says_what_the_slow_reference_says() {
    // Past the second weekday, when every profile is in use; the first day is a Monday.
    const TICKS: i64 = 9 * 288;
    let (mut compared, mut fired, mut together) = (0, 0, 0);
    for seed in 500..500 + cases().div_ceil(4) {
        // Without schedules: of the large buckets of a week the reference remembers all.
        let mut arrivals = traffic(seed, TICKS);
        arrivals.retain(|arrival| arrival.1 % 7 != 3);
        let mut run = Run::new();
        let mut reference = Reference::new((FIRST / 288) as usize, GROUPS);
        let mut known = [None; SERIES];
        let mut arrivals = arrivals.iter().peekable();
        for tick in 0..TICKS {
            while let Some(arrival) = arrivals.next_if(|next| next.0 == tick) {
                run.add(arrival);
                let &(_, series, bucket, events) = arrival;
                let id = known[series].get_or_insert_with(|| {
                    reference.add_series(series % GROUPS, issue_of(series).0)
                });
                reference.add(*id, bucket as usize, events);
            }
            let mut evidence = [(0.0, 0.0); SERIES];
            let closed = run.detector.close_and_see(|id, found| {
                evidence[id.index()] = (found.nats, found.hold);
            });
            let changes = closed.series;
            let alarms = closed.wholes.iter();
            together += alarms.filter(|(_, change)| matches!(change, Change::Fired { .. })).count();
            fired +=
                changes.iter().filter(|(_, change)| matches!(change, Change::Fired { .. })).count();
            for (index, (nats, hold, firing)) in reference.close().into_iter().enumerate() {
                let found = evidence[index];
                let is_near = |a: f64, b: f64| (a - b).abs() < 1e-3 * (1.0 + b.abs());
                let place = format!("seed {seed}, tick {tick}, series {index}");
                assert!(
                    is_near(found.0, nats) && is_near(found.1, hold),
                    "{place}: {found:?}, not {:?}",
                    (nats, hold)
                );
                assert_eq!(run.detector.watched[index].alarm.is_firing, firing, "{place}: {nats}");
                compared += usize::from(nats > 0.0);
            }
            let firing = run.detector.wholes.alarms.iter().filter(|(_, alarm)| alarm.is_firing);
            let (mut issues, mut groups) = (Vec::new(), Vec::new());
            for (whole, _) in firing {
                match whole {
                    Whole::Issue(issue) => issues.push(issue.0),
                    Whole::Group(group) => groups.push(*group),
                }
            }
            assert_eq!((issues, groups), reference.wholes(), "seed {seed}, tick {tick}");
        }
    }
    let counts = format!("{compared}, {fired} and {together} were compared");
    assert!(compared > 500 && fired > 20 && together > 5, "only {counts}");
}

/// A detector with the members of one issue, of one group, which have had an event every twelve ticks for two days.
fn members(count: usize) -> (Detector, Vec<SeriesId>) {
    let mut detector = Detector::new(settings(), FIRST);
    let group = detector.add_group();
    let ids: Vec<_> = (0..count).map(|_| detector.add_series(group)).collect();
    for tick in 0..2 * 288 {
        for (at, id) in ids.iter().enumerate() {
            if (tick + at) % 12 == 0 {
                detector.add(*id, FIRST + tick as i64, 1);
            }
        }
        detector.close();
    }
    (detector, ids)
}

/// Returns what fires at the next ticks, in each of which `events` of every series arrive.
fn fired(detector: &mut Detector, ticks: u32, events: &[(SeriesId, u32)]) -> (usize, Vec<Whole>) {
    let (mut series, mut wholes) = (0, Vec::new());
    for _ in 0..ticks {
        events.iter().for_each(|(id, n)| detector.add(*id, detector.now(), *n));
        let closed = detector.close();
        let is_fired = |change: &Change| matches!(change, Change::Fired { .. });
        series += closed.series.iter().filter(|(_, change)| is_fired(change)).count();
        wholes.extend(closed.wholes.iter().filter(|(_, it)| is_fired(it)).map(|(it, _)| *it));
    }
    (series, wholes)
}

#[test]
fn members_of_an_issue_convince_together_where_none_does_alone() {
    let (mut detector, ids) = members(24);
    ids.iter().for_each(|id| detector.belongs(*id, IssueId(7)));
    let one_each: Vec<_> = ids.iter().map(|id| (*id, 1)).collect();
    assert_eq!(fired(&mut detector, 1, &one_each), (0, vec![Whole::Issue(IssueId(7))]));
}

#[test]
fn series_of_a_service_convince_together_where_they_are_of_many_issues() {
    let (mut detector, ids) = members(24);
    (1..).zip(&ids).for_each(|(n, id)| detector.belongs(*id, IssueId(n)));
    let one_each: Vec<_> = ids.iter().map(|id| (*id, 1)).collect();
    assert_eq!(fired(&mut detector, 1, &one_each), (0, vec![Whole::Group(0)]));
}

#[test]
fn an_issue_that_fires_hands_over_to_the_member_that_begins_to() {
    let (mut detector, ids) = members(24);
    ids.iter().for_each(|id| detector.belongs(*id, IssueId(7)));
    let mut events: Vec<_> = ids.iter().map(|id| (*id, 1)).collect();
    fired(&mut detector, 1, &events);
    events[3].1 = 80;
    events.iter().for_each(|(id, n)| detector.add(*id, detector.now(), *n));
    let closed = detector.close();
    assert_eq!(closed.wholes, [(Whole::Issue(IssueId(7)), Change::Resolved)]);
    assert!(closed.series.iter().any(|(id, _)| *id == ids[3]), "{:?}", closed.series);
    assert_eq!(fired(&mut detector, 2, &events).1, [], "while a member fires the issue is silent");
}

#[test]
fn one_member_by_itself_is_no_whole() {
    let (mut detector, ids) = members(24);
    ids.iter().for_each(|id| detector.belongs(*id, IssueId(7)));
    fired(&mut detector, 12, &[]);
    let (alone, wholes) = fired(&mut detector, 1, &[(ids[0], 30)]);
    assert_eq!((alone, wholes), (1, vec![]));
}
