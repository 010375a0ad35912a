//! Tests of the `synthetic` source.

use super::*;
use engine::testing::FakeIntake;
use std::collections::{BTreeMap, BTreeSet};

const START: EventTime = EventTime::from_secs(1_700_000_000);

fn source(value: serde_json::Value) -> SyntheticSource {
    SyntheticSource::from_options(serde_json::from_value(value).unwrap()).unwrap()
}

fn by_partition(deliveries: &[Delivery]) -> BTreeMap<String, Vec<u8>> {
    let mut text: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for delivery in deliveries {
        text.entry(delivery.partition.0.to_string()).or_default().extend(&delivery.bytes);
    }
    text
}

fn finished(intake: &mut FakeIntake) -> BTreeMap<String, Vec<u8>> {
    source(serde_json::json!({"history_minutes": 10, "live_secs": 60})).run(intake).unwrap();
    by_partition(intake.deliveries())
}

#[test]
fn the_planted_incident_is_in_the_lines_as_often_as_the_truth_says() {
    let mut intake = FakeIntake::at(START);
    let text = finished(&mut intake);
    let all: Vec<String> = intake.lines();
    let generator = source(serde_json::json!({"history_minutes": 10})).generator(42, START);
    let truth = generator.truth(generator.tick_at(EventTime::from_secs(START.secs() + 60)));
    assert_eq!(truth.start, EventTime::from_secs(START.secs() + 10));
    assert_eq!(all.len() as u64, truth.lines);
    for (planted, count) in &truth.counts {
        let found = all.iter().filter(|line| line.contains(planted.piece)).count();
        assert_eq!(found as u64, *count, "{}", planted.piece);
        let owner = String::from_utf8_lossy(&text[planted.service]).into_owned();
        assert_eq!(owner.matches(planted.piece).count(), found);
    }
    assert!(truth.counts[0].1 >= 300, "{:?}", truth.counts);
    assert!(truth.counts[1].1 >= 20, "{:?}", truth.counts);
}

#[test]
fn the_burst_is_at_least_twenty_times_the_usual_rate() {
    for planted in PLANTED {
        let usual = planted.rate_per_million_secs(-1);
        let height = planted.rate_per_million_secs(INCIDENT_SECS * 1000 - 1);
        assert!(height >= 20 * usual, "{}", planted.piece);
        assert_eq!(planted.rate_per_million_secs(INCIDENT_SECS * 1000), usual);
    }
}

#[test]
fn crash_a_resumed_run_delivers_what_an_undisturbed_one_would() {
    let expected = finished(&mut FakeIntake::at(START));
    for lives in [vec![3, 1], vec![0, 9, 20], vec![40]] {
        let mut intake = FakeIntake::at(START);
        let mut committed = Vec::new();
        for life in lives {
            intake = intake.stop_after_sends(life);
            let options = serde_json::json!({"history_minutes": 10, "live_secs": 60});
            assert!(source(options).run(&mut intake).is_err());
            let kept = intake.deliveries().len() * 2 / 3;
            committed.extend_from_slice(&intake.deliveries()[..kept]);
            intake = intake.crash(kept);
        }
        finished(&mut intake);
        committed.extend_from_slice(intake.deliveries());
        assert_eq!(by_partition(&committed), expected);
    }
}

#[test]
fn lines_look_like_their_format_and_carry_their_service() {
    let text = finished(&mut FakeIntake::at(START));
    let lines = |name: &str| -> Vec<String> {
        String::from_utf8(text[name].clone()).unwrap().lines().map(str::to_owned).collect()
    };
    for name in ["api", "payments"] {
        for line in lines(name) {
            let value: serde_json::Value = serde_json::from_str(&line).unwrap();
            assert_eq!(value["service"], name);
            assert!(value["time"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok(), "{line}");
        }
    }
    assert!(lines("worker").iter().all(|line| line.contains(" service=worker msg=\"")));
    assert!(lines("billing").iter().all(|line| line.starts_with("2023-11-14 ")));
    assert!(lines("hosts").iter().all(|line| line.starts_with("<") && line.contains(" node-")));
    assert!(lines("web").iter().any(|line| line.contains("HTTP/1.1\" 200 ")));
    assert!(lines("web").iter().any(|line| line.contains("[error]")));
}

#[test]
fn times_never_run_backwards_within_a_service() {
    let text = finished(&mut FakeIntake::at(START));
    let mut last = String::new();
    let mut seen = BTreeSet::new();
    for line in String::from_utf8(text["payments"].clone()).unwrap().lines() {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        let time = value["time"].as_str().unwrap().to_owned();
        assert!(time >= last, "{time} after {last}");
        seen.insert(time.clone());
        last = time;
    }
    assert!(seen.len() > 100);
}

#[test]
fn another_seed_gives_other_lines_and_the_same_seed_the_same() {
    let first = finished(&mut FakeIntake::at(START));
    assert_eq!(first, finished(&mut FakeIntake::at(START)));
    let options = serde_json::json!({"history_minutes": 10, "live_secs": 60, "seed": 1});
    let mut other = FakeIntake::at(START);
    source(options).run(&mut other).unwrap();
    assert_ne!(first, by_partition(other.deliveries()));
}

#[test]
fn limit_options_out_of_range_are_mistakes() {
    let check = |value| SyntheticSource::from_options(serde_json::from_value(value).unwrap());
    assert!(check(serde_json::json!({"rate_per_second": RATE_MAX + 1})).is_err());
    assert!(check(serde_json::json!({"history_minutes": HISTORY_MINUTES_MAX + 1})).is_err());
    assert!(check(serde_json::json!({"start": "yesterday"})).is_err());
}
