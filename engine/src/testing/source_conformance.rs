//! The suite that every [`Source`] to which others push must pass. Each check is a function from a way
//! to get a source to nothing; `pushed_source_conforms!` makes one test of each, in the family
//! `conforms_`. Sources that read by themselves are checked against a model of what they read, next to
//! their code.
//!
//! *Promises checked:* 1 to 4 of `component::source`: whole lines, in order, exactly what lies behind
//! the offsets (I3); a stop is noticed; nothing is acknowledged before it is durable.

use super::life::{Ended, Life};
use crate::component::Source;
use crate::model::{EventTime, Offset, PartitionId};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::JoinHandle;

/// How a test pushes: an idempotency key if there is one, and records. Returns once the sender has its
/// answer: whether the source says that they are safe.
pub type Push = Arc<dyn Fn(Option<&str>, &[String]) -> bool + Send + Sync>;

/// A source, and a way to push to it that works whenever it runs.
pub struct Pushed {
    /// The source.
    pub source: Arc<dyn Source>,
    /// Pushes to it; waits until it listens.
    pub push: Push,
}

/// When the tests begin.
const START: EventTime = EventTime::from_secs(1_700_000_000);

/// Makes a test of every check for the source that `$fresh` makes.
#[macro_export]
macro_rules! pushed_source_conforms {
    ($fresh:expr) => {
        $crate::pushed_source_conforms!($fresh;
            conforms_records_arrive_whole_and_in_order,
            conforms_nothing_is_acknowledged_before_it_is_durable,
            conforms_what_was_acknowledged_is_not_sent_again,
            conforms_a_repeated_key_is_counted_once_in_flight_and_after_a_restart,
            conforms_a_keyed_request_that_was_lost_is_counted_when_it_is_repeated,
            conforms_offsets_it_never_sent_influence_nothing,
            conforms_a_stop_is_noticed_while_senders_wait,
        );
    };
    ($fresh:expr; $($check:ident,)*) => {
        $(#[test]
        fn $check() {
            $crate::testing::source_conformance::$check($fresh);
        })*
    };
}

fn records(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{prefix} record {n} says something")).collect()
}

fn life(pushed: &Pushed, offsets: BTreeMap<PartitionId, Offset>) -> Life {
    Life::start(Arc::clone(&pushed.source), offsets, START)
}

fn pushing(pushed: &Pushed, key: Option<&'static str>, records: &[String]) -> JoinHandle<bool> {
    let (push, records) = (Arc::clone(&pushed.push), records.to_vec());
    std::thread::spawn(move || push(key, &records))
}

/// Asserts that the lines hold these records, each once and in this order.
fn assert_holds(lines: &[String], records: &[String]) {
    assert_eq!(lines.len(), records.len(), "{lines:#?}");
    for (line, record) in lines.iter().zip(records) {
        assert!(line.contains(record.as_str()), "{line:?} does not hold {record:?}");
    }
}

fn assert_whole_lines(ended: &Ended) {
    for delivery in &ended.deliveries {
        assert!(delivery.bytes.is_empty() || delivery.bytes.ends_with(b"\n"), "{delivery:?}");
    }
}

/// Several requests, one of them of more than a chunk.
pub fn conforms_records_arrive_whole_and_in_order(pushed: Pushed) {
    let life = life(&pushed, BTreeMap::new());
    let (few, many) = (records("few", 3), records("many", 20_000));
    assert!((pushed.push)(None, &few));
    assert!((pushed.push)(None, &many));
    let ended = life.stop();
    assert_whole_lines(&ended);
    assert!(ended.deliveries.len() > 2, "a large request takes several chunks");
    assert_holds(&ended.lines(), &[few, many].concat());
}

/// The sender hears of it only after the commit.
pub fn conforms_nothing_is_acknowledged_before_it_is_durable(pushed: Pushed) {
    let life = life(&pushed, BTreeMap::new());
    life.hold_commits();
    for key in [None, Some("first-key")] {
        let sent = life.deliveries().len();
        let sender = pushing(&pushed, key, &records("held", 2));
        life.wait_for_deliveries(sent + 1);
        assert!(!sender.is_finished(), "it was acknowledged before the commit");
        life.commit();
        assert!(sender.join().expect("the sender does not panic"));
        life.hold_commits();
    }
    life.stop();
}

/// A life that resumes behind what was acknowledged sends none of it.
pub fn conforms_what_was_acknowledged_is_not_sent_again(pushed: Pushed) {
    let first = life(&pushed, BTreeMap::new());
    assert!((pushed.push)(None, &records("before", 5)));
    assert!((pushed.push)(Some("a key"), &records("keyed", 5)));
    let second = life(&pushed, first.crash().offsets);
    let after = records("after", 2);
    assert!((pushed.push)(None, &after));
    assert_holds(&second.stop().lines(), &after);
}

/// The same key and records: while the first is in flight, afterwards, and after a restart.
pub fn conforms_a_repeated_key_is_counted_once_in_flight_and_after_a_restart(pushed: Pushed) {
    let first = life(&pushed, BTreeMap::new());
    first.hold_commits();
    let keyed = records("keyed", 3);
    let senders = [(); 2].map(|()| pushing(&pushed, Some("the key"), &keyed));
    first.wait_for_deliveries(1);
    first.commit();
    for sender in senders {
        assert!(sender.join().expect("the sender does not panic"));
    }
    assert!((pushed.push)(Some("the key"), &keyed));
    assert!((pushed.push)(Some("another key"), &records("other", 1)));
    let ended = first.crash();
    assert_holds(&ended.lines(), &[keyed.clone(), records("other", 1)].concat());
    let second = life(&pushed, ended.offsets);
    assert!((pushed.push)(Some("the key"), &keyed));
    assert_eq!(second.stop().lines(), [""; 0]);
}

/// A crash at every delivery of a keyed request: with its repetition every record is there once.
pub fn conforms_a_keyed_request_that_was_lost_is_counted_when_it_is_repeated(pushed: Pushed) {
    let keyed = records("keyed", 20_000);
    let first = life(&pushed, BTreeMap::new());
    assert!((pushed.push)(Some("the key"), &keyed));
    let all = first.stop().deliveries.len();
    for durable in 0..=all {
        let first = life(&pushed, BTreeMap::new());
        first.commit_first(0);
        let sender = pushing(&pushed, Some("the key"), &keyed);
        first.wait_for_deliveries(all);
        first.commit_first(durable);
        let ended = first.crash();
        sender.join().expect("the sender does not panic");
        let durable_lines: usize = ended.deliveries[..durable]
            .iter()
            .map(|d| d.bytes.iter().filter(|byte| **byte == b'\n').count())
            .sum();
        let second = life(&pushed, ended.offsets.clone());
        assert!((pushed.push)(Some("the key"), &keyed));
        assert_holds(&second.stop().lines(), &keyed[durable_lines..]);
    }
}

/// Partitions and offsets of strangers are no reason to fail or to send less.
pub fn conforms_offsets_it_never_sent_influence_nothing(pushed: Pushed) {
    let strange = [("stranger", "5"), ("requests", "not a number"), ("key:", "{}"), ("text:x", "")];
    let offsets = strange.map(|(p, o)| (PartitionId(p.into()), Offset(o.into())));
    let life = life(&pushed, BTreeMap::from(offsets));
    assert!((pushed.push)(None, &records("some", 2)));
    assert!((pushed.push)(Some("key"), &records("keyed", 2)));
    let ended = life.stop();
    assert_holds(&ended.lines(), &[records("some", 2), records("keyed", 2)].concat());
}

/// Senders are told that their records may not be safe.
pub fn conforms_a_stop_is_noticed_while_senders_wait(pushed: Pushed) {
    let life = life(&pushed, BTreeMap::new());
    life.hold_commits();
    let sender = pushing(&pushed, None, &records("waits", 1));
    life.wait_for_deliveries(1);
    life.stop();
    assert!(!sender.join().expect("the sender does not panic"));
}
