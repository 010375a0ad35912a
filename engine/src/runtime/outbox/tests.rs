//! The postman's promises, tried on fakes and a clock moved by hand; family `limit_`: each of his bounds is reached.

mod fake;

use super::*;
use fake::{START, World, later, yes};

/// A day, in seconds.
const DAY: u64 = GIVE_UP_AFTER.as_secs();

fn put_off(secs: u64) -> DeliveryError {
    DeliveryError::Later { reason: "too many".to_owned(), after: Some(Duration::from_secs(secs)) }
}

#[test]
fn limit_twelve_attempts_are_made_in_any_minute() {
    // An attempt of four seconds: a round of twelve takes most of a minute by itself.
    let mut world = World::taking(Duration::from_secs(4));
    for incident in 1..=60 {
        world.queue(incident, 1, 0);
    }
    let mut at = Vec::new();
    for _ in 0..600 {
        world.look_after(1);
        at.extend(world.heard().into_iter().map(|(at, _)| at));
    }
    assert_eq!(at.len(), 60, "nothing is left out");
    for window in at.windows(ATTEMPTS_PER_MINUTE + 1) {
        assert!(window[ATTEMPTS_PER_MINUTE] - window[0] >= MINUTE);
    }
    assert!(at[59] - at[0] < 6 * MINUTE, "and nothing waits for longer than it has to");
}

#[test]
fn limit_failed_attempts_count_too() {
    let mut world = World::answering(later);
    for incident in 1..=30 {
        world.queue(incident, 1, 0);
    }
    (0..59).for_each(|_| world.look_after(1));
    assert_eq!(world.report().attempts, 12);
    assert_eq!(world.report().waiting, 30);
    world.look_after(2);
    assert!(world.report().attempts > 12);
}

#[test]
fn limit_retries_leave_an_attempt_for_what_is_new() {
    let mut world = World::answering(|notice| match notice.number {
        1 => later(notice),
        _ => Ok(()),
    });
    for incident in 0..ATTEMPTS_PER_MINUTE as u128 {
        world.queue(incident, 1, 0);
    }
    (0..600).for_each(|_| world.look_after(1));
    let news = world.queue(1_000, 2, 600);
    (0..60).for_each(|_| world.look_after(1));
    assert!(world.heard_ids().contains(&news));
}

#[test]
fn limit_every_open_alert_is_repeated_before_an_alertmanager_forgets_it() {
    let mut world = World::forgetting(MINUTE);
    world.open(REPEATED_MAX as u128);
    let mut told: BTreeMap<AlertKey, Instant> = BTreeMap::new();
    let began = world.clock.instant();
    for secs in 0..1800 {
        // Which of them goes on longest changes all the time.
        if secs % 100 == 0 {
            world.reverse_open();
        }
        world.look_after(1);
        for (at, notice) in world.heard() {
            assert_eq!(notice.transition, Transition::Reminder);
            assert!(notice.alerts.len() <= Notice::ALERTS_MAX);
            for alert in notice.alerts {
                let before = told.insert(alert.key, at).unwrap_or(began);
                assert!(at - before < 5 * MINUTE, "{:?} after {:?}", alert.key, at - before);
            }
        }
    }
    assert_eq!(told.len(), REPEATED_MAX);
    assert!(told.values().all(|at| world.clock.instant() - *at < 5 * MINUTE));
}

#[test]
fn limit_more_open_alerts_than_can_be_repeated_are_left_to_the_receiver() {
    let mut world = World::forgetting(MINUTE);
    world.open(REPEATED_MAX as u128 + 20);
    (0..600).for_each(|_| world.look_after(1));
    let told = world.heard().into_iter().flat_map(|(_, notice)| notice.alerts);
    let told: BTreeSet<AlertKey> = told.map(|alert| alert.key).collect();
    assert_eq!(told.len(), REPEATED_MAX);
    assert_eq!(world.postman.repeats.told.len(), REPEATED_MAX);
}

#[test]
fn limit_repeating_leaves_an_attempt_for_what_is_new() {
    let mut world = World::forgetting(MINUTE);
    world.open(REPEATED_MAX as u128);
    world.look_after(0);
    let news = world.queue(1, 1, 0);
    world.look_after(1);
    assert_eq!(world.heard_ids().last(), Some(&news));
}

#[test]
fn few_open_alerts_are_repeated_as_often_as_the_receiver_needs() {
    let mut world = World::forgetting(MINUTE);
    world.open(3);
    (0..600).for_each(|_| world.look_after(1));
    let heard = world.heard();
    assert_eq!(heard.len(), 10);
    for pair in heard.windows(2) {
        assert_eq!(pair[1].0 - pair[0].0, MINUTE);
    }
}

#[test]
fn repeating_that_fails_waits_and_goes_on_where_it_was() {
    let mut world = World::forgetting(3600 * Duration::from_secs(1));
    world.open(60);
    world.answer(|notice| match notice.alerts[0].key {
        AlertKey(21) => later(notice),
        _ => Ok(()),
    });
    (0..20).for_each(|_| world.look_after(1));
    let heard = world.heard();
    assert!(heard.len() < 10, "{}", heard.len());
    world.answer(yes);
    (0..120).for_each(|_| world.look_after(1));
    let firsts: Vec<_> = world.heard().iter().map(|(_, it)| it.alerts[0].key.0).collect();
    assert_eq!(firsts, [21, 41]);
}

#[test]
fn limit_a_notice_is_given_up_after_a_day() {
    let mut world = World::answering(later);
    let id = world.queue(1, 1, 0);
    world.look_after(0);
    world.look_after(DAY);
    assert_eq!(world.store.count(OutboxStanding::Queued), 1, "a day is not over a day");
    // The longest wait between two attempts is a minute.
    let follower = world.queue(1, 2, DAY as i64);
    world.look_after(60);
    world.answer(yes);
    world.look_after(60);
    let dead = OutboxQuery { state: Some(OutboxStanding::Dead), ..OutboxQuery::default() };
    let dead = world.store.outbox(&dead).unwrap();
    assert_eq!(dead.len(), 1, "it is visible as dead");
    assert_eq!(dead[0].notice.id, id);
    let at = EventTime::from_secs(START.secs() + DAY as i64 + 60);
    let reason = "given up after a day: nobody answers".into();
    assert_eq!(dead[0].state, OutboxState::Dead { at, reason });
    assert_eq!(world.heard_ids().last(), Some(&follower), "what followed it is told");
    let report = world.report();
    assert_eq!((report.dead, report.delivered, report.waiting), (1, 1, 0));
}

#[test]
fn limit_more_notices_than_are_looked_at_together_all_arrive_once() {
    let mut world = World::answering(yes);
    let queued = 2 * ROWS_MAX + 5;
    let ids: Vec<_> = (0..queued).map(|n| world.queue(n as u128, 1, n as i64)).collect();
    let mut rounds = 0;
    while world.store.count(OutboxStanding::Queued) > 0 {
        world.look_after(60);
        rounds += 1;
        assert!(rounds <= queued.div_ceil(ATTEMPTS_PER_MINUTE), "twelve arrive in a round");
    }
    assert_eq!(world.heard_ids(), ids, "each once, oldest first");
    assert_eq!(world.store.count(OutboxStanding::Delivered), queued);
    world.look_after(60);
    assert_eq!(world.report().waiting, 0);
}

/// Today's answer: a younger notice is not looked at while as many as are looked at together wait for their next
/// attempt. It would need a receiver that takes some notices and puts hundreds of others off.
#[test]
fn limit_rows_that_wait_hide_the_ones_behind_them() {
    let mut world = World::answering(|notice| match notice.number {
        1 => Err(put_off(3600)),
        _ => Ok(()),
    });
    for incident in 0..ROWS_MAX as u128 {
        world.queue(incident, 1, 0);
    }
    let behind = world.queue(1_000_000, 2, 1);
    (0..40).for_each(|_| world.look_after(60));
    let heard = world.heard_ids();
    assert_eq!(heard.len(), ROWS_MAX, "all of them wait, and attempts are left");
    assert!(!heard.contains(&behind));
}

#[test]
fn a_notice_that_waits_holds_back_its_incident_and_nothing_else() {
    let mut world = World::answering(|notice| match notice.incident {
        AlertKey(1) => later(notice),
        _ => Ok(()),
    });
    let first = world.queue(1, 1, 0);
    let second = world.queue(1, 2, 1);
    let other = world.queue(2, 1, 2);
    world.look_after(0);
    assert_eq!(world.heard_ids(), [first, other]);
    world.answer(yes);
    world.look_after(60);
    assert_eq!(world.heard_ids(), [first, second]);
}

#[test]
fn what_happens_to_an_incident_at_one_instant_is_told_in_its_order() {
    let mut world = World::answering(yes);
    let ids: Vec<_> = (1..=ATTEMPTS_PER_MINUTE as u32).map(|n| world.queue(1, n, 0)).collect();
    assert!(!ids.is_sorted(), "the store orders them by their ids");
    world.look_after(0);
    assert_eq!(world.heard_ids(), ids);
}

#[test]
fn a_retry_waits_as_long_as_the_receiver_asks() {
    let mut world = World::answering(|_| Err(put_off(300)));
    world.queue(1, 1, 0);
    world.look_after(0);
    world.look_after(299);
    assert_eq!(world.heard().len(), 1);
    world.look_after(1);
    assert_eq!(world.heard().len(), 1);
    assert_eq!(world.report().trouble.as_deref(), Some("too many"));
}

#[test]
fn a_mark_that_was_not_taken_is_stored_later_and_nothing_is_sent_twice() {
    let mut world = World::deaf();
    let id = world.queue(1, 1, 0);
    world.look_after(0);
    world.look_after(60);
    assert_eq!(world.store.count(OutboxStanding::Queued), 1, "nobody has stored the mark");
    world.take_orders();
    world.look_after(1);
    assert_eq!(world.store.count(OutboxStanding::Delivered), 1);
    assert_eq!(world.heard_ids(), [id]);
}

#[test]
fn what_can_never_be_delivered_is_dead_at_once() {
    let mut world = World::answering(|notice| match notice.incident {
        AlertKey(1) => panic!("a mistake in a notifier"),
        _ => Err(DeliveryError::Never { reason: "there is no such channel".to_owned() }),
    });
    world.queue(1, 1, 0);
    world.queue(2, 1, 1);
    world.look_after(0);
    let rows = world.store.outbox(&OutboxQuery::default()).unwrap();
    let reasons = rows.iter().map(|row| match &row.state {
        OutboxState::Dead { reason, .. } => reason.to_string(),
        state => panic!("{state:?}"),
    });
    let reasons: Vec<_> = reasons.collect();
    assert_eq!(reasons, ["the notifier panicked", "there is no such channel"]);
}

#[test]
fn the_postman_sleeps_until_the_next_retry_or_the_next_free_attempt() {
    let mut world = World::answering(|_| Err(put_off(3)));
    assert_eq!(world.postman.patience(), LOOK_EVERY);
    world.queue(1, 1, 0);
    world.look_after(0);
    assert_eq!(world.postman.patience(), Duration::from_secs(3));
    world.clock.advance(Duration::from_secs(3));
    assert_eq!(world.postman.patience(), LOOK_EVERY, "it did not come to the retry");
    world.answer(yes);
    for incident in 1..=ATTEMPTS_PER_MINUTE as u128 + 1 {
        world.queue(incident, 2, 0);
    }
    world.look_after(0);
    assert_eq!(world.report().attempts, ATTEMPTS_PER_MINUTE as u64);
    assert_eq!(world.postman.patience(), LOOK_EVERY);
    world.clock.advance(Duration::from_secs(55));
    assert_eq!(world.postman.patience(), Duration::from_secs(2), "the first attempt is forgotten");
}

#[test]
fn whoever_stops_the_engine_wakes_the_postman() {
    let stop = crate::runtime::StopHandle::default();
    stop.stop(StopStage::Draining);
    assert_eq!(stop.bell.rung(), 1);
}
