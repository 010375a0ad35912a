//! `fault_`: what the network does. A proxy between the store and the server loses COMMITs and answers
//! to them, cuts, swallows and goes silent; the engine's committer must bring every epoch in exactly once.

use crate::committing::Committing;
use crate::postgres_server::{Visitor, fresh_schema, open};
use engine::component::{Store, StoreError};
use engine::testing::fault_proxy::{Fault, FaultProxy};
use engine::testing::postgres::{Server, Version};
use serde_json::{Value, json};
use std::time::Duration;

/// A server, a proxy before it, and a schema that is asked for through the proxy.
struct Network {
    database: String,
    proxy: FaultProxy,
    through: Value,
    direct: Value,
}

impl Network {
    fn new(version: Version, seed: u64) -> Network {
        let database = Server::shared(version).database();
        let port = port_of(&database);
        let proxy = FaultProxy::start(port, seed);
        let detour = database.replace(&format!(":{port}/"), &format!(":{}/", proxy.port()));
        let schema = fresh_schema();
        let short = "1s";
        let through = json!({ "url": detour, "schema": schema, "tls": { "mode": "disable" },
            "connect_timeout": short, "deadline": short, "statement_timeout": "900ms" });
        let direct = json!({ "url": database, "schema": schema });
        Network { database, proxy, through, direct }
    }

    fn committing(&self, seed: u64) -> Committing {
        Committing::start(Box::new(open(&patient(&self.through))), seed)
    }

    /// The same, with deadlines that are soon over.
    fn hurried(&self, seed: u64) -> Committing {
        Committing::start(Box::new(open(&self.through)), seed)
    }

    fn assert_exact(self, committing: Committing) {
        self.proxy.set(Fault::Pass);
        committing.assert_exact(Box::new(open(&self.direct)));
    }
}

/// Returns the options with the usual deadlines, which a busy machine keeps.
fn patient(options: &Value) -> Value {
    let mut options = options.clone();
    let settings = options.as_object_mut().unwrap();
    for name in ["connect_timeout", "deadline", "statement_timeout"] {
        settings.remove(name);
    }
    options
}

fn port_of(url: &str) -> u16 {
    let (server, _) = url.rsplit_once('/').unwrap();
    server.rsplit_once(':').unwrap().1.parse().unwrap()
}

pub fn cases(usual: u64) -> u64 {
    std::env::var("SEISMOLOG_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(usual)
}

#[test]
fn fault_lost_commits_are_tried_again_and_counted_once() {
    lose(Version::V18, Fault::LoseCommit);
}

#[test]
fn fault_lost_answers_are_settled_and_counted_once() {
    lose(Version::V16, Fault::LoseAnswer);
}

fn lose(version: Version, fault: Fault) {
    let network = Network::new(version, 1);
    let mut committing = network.committing(1);
    for case in 0..cases(20) as usize {
        network.proxy.set(fault.clone());
        committing.send();
        committing.wait_until_durable();
        assert_eq!(network.proxy.lost(), case + 1);
    }
    network.assert_exact(committing);
}

#[test]
fn fault_a_storm_of_cuts_loses_nothing_and_leaves_no_session_behind() {
    let network = Network::new(Version::V18, 2);
    let mut committing = network.committing(2);
    network.proxy.set(Fault::CutEvery(Duration::from_millis(20), Duration::from_millis(250)));
    for _ in 0..cases(20).min(200) {
        committing.send();
        committing.wait_until_durable();
        network.proxy.cut();
    }
    network.proxy.set(Fault::Pass);
    committing.send();
    committing.wait_until_durable();
    assert!(network.proxy.accepted() > 10, "the storm was felt");
    let visitor = Visitor::connect(&network.database).unwrap();
    let sessions = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                    AND application_name LIKE 'seismolog %'";
    let most = 9;
    assert!(visitor.number(sessions) <= most, "a writer and at most eight readers");
    network.assert_exact(committing);
}

#[test]
fn fault_a_black_hole_is_noticed_by_the_deadline() {
    goes_silent(Fault::BlackHole);
}

#[test]
fn fault_a_half_open_connection_is_noticed_by_the_deadline() {
    goes_silent(Fault::HalfOpen);
}

fn goes_silent(fault: Fault) {
    let network = Network::new(Version::V18, 3);
    let mut committing = network.hurried(3);
    for _ in 0..3 {
        committing.forget_complaints();
        network.proxy.set(fault.clone());
        committing.send();
        let complaint = committing.next_complaint();
        assert!(complaint.contains("has not answered for 1s"), "{complaint}");
        network.proxy.set(Fault::Pass);
        committing.wait_until_durable();
    }
    network.assert_exact(committing);
}

#[test]
fn fault_a_reader_notices_silence_and_recovers() {
    let network = Network::new(Version::V16, 4);
    let mut store = open(&network.through);
    store.load().unwrap();
    let reader = store.reader();
    assert!(reader.audit().unwrap().balanced);
    network.proxy.set(Fault::BlackHole);
    let error = reader.audit().unwrap_err();
    assert!(error.sentence().contains("has not answered for 1s"), "{error:?}");
    network.proxy.set(Fault::Pass);
    assert!(reader.audit().unwrap().balanced);
    network.proxy.cut();
    assert!(reader.audit().unwrap().balanced, "a session that was cut is replaced unseen");
}

#[test]
fn fault_a_slow_network_delays_and_nothing_else() {
    let network = Network::new(Version::V18, 5);
    let mut committing = network.committing(5);
    network.proxy.set(Fault::DelayCommits(Duration::from_millis(50)));
    (0..20).for_each(|_| committing.send());
    committing.wait_until_durable();
    network.assert_exact(committing);
}

#[test]
fn a_second_engine_is_refused_by_name_until_the_first_is_gone() {
    let network = Network::new(Version::V18, 6);
    let mut first = open(&network.direct);
    first.load().unwrap();
    let error = open(&network.direct).load().unwrap_err();
    let named = |what: &str| what.contains("seismolog ") && what.contains("pid ");
    assert!(matches!(&error, StoreError::InUse(what) if named(what)), "{error:?}");
    drop(first);
    open(&network.direct).load().unwrap();
}

#[test]
fn what_is_left_of_a_session_that_was_cut_is_ended_by_its_own_store() {
    let network = Network::new(Version::V16, 7);
    let mut store = open(&patient(&network.through));
    store.load().unwrap();
    // The client's side is gone, the server's session is not: only its own store may end it.
    let visitor = Visitor::connect(&network.database).unwrap();
    visitor.run("SET lock_timeout = '10s'");
    let holders = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted";
    assert_eq!(visitor.number(holders), 1);
    network.proxy.set(Fault::HalfOpen);
    network.proxy.set(Fault::Pass);
    network.proxy.cut();
    assert!(matches!(store.committed(), Err(StoreError::Unavailable { .. })));
    assert_eq!(store.committed().unwrap(), (None, None));
    assert_eq!(visitor.number(holders), 1);
}
