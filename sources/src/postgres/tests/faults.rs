//! Servers that crash and networks that swallow: noticed, named, and nothing is lost or repeated.

use super::stage::{Peer, TABLE, column, polls, source};
use crate::poll::Scripted;
use engine::component::Source;
use engine::testing::fault_proxy::{Fault, FaultProxy};
use engine::testing::postgres::{Server, Version};
use serde_json::json;
use std::time::Duration;

#[test]
fn a_server_that_crashes_and_returns_costs_no_row() {
    for version in Version::ALL {
        let mut server = Server::start(version, &[]);
        let url = server.address().database();
        let peer = Peer::connect(&url);
        peer.run(TABLE);
        peer.run("INSERT INTO logs (message) SELECT 'row' FROM generate_series(1, 50)");
        let source = source(&url, json!({"page": 7}));
        let mut waits = 0;
        let mut script = |_| {
            waits += 1;
            if waits == 3 {
                server.crash();
            }
            false
        };
        let mut first = Scripted { inner: polls(10), script: &mut script };
        let error = source.run(&mut first).unwrap_err();
        let first = first.inner;
        assert!(error.retry, "{error}");
        let refused = source.run(&mut first.crash(1)).unwrap_err();
        assert!(
            refused.retry && refused.what.starts_with("could not reach the server"),
            "{refused}"
        );
        server.start_again();
        let peer = Peer::connect(&url);
        peer.run("INSERT INTO logs (message) SELECT 'more' FROM generate_series(1, 5)");
        let all = peer.number("SELECT count(*) FROM logs");
        let committed = first.deliveries().len() / 2;
        let mut second = first.crash(committed).stop_after_waits(30);
        source.run(&mut second).unwrap_err();
        let lines = [first.lines_before(committed), second.lines()].concat();
        let ids = column(&lines, "id");
        assert_eq!(ids.len() as i64, all, "{ids:?}");
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "{ids:?}");
    }
}

#[test]
fn a_network_that_swallows_everything_is_noticed() {
    let url = Server::shared(Version::V18).database();
    let peer = Peer::connect(&url);
    peer.run(TABLE);
    let server = url.parse::<tokio_postgres::Config>().unwrap();
    let proxy = FaultProxy::start(server.get_ports()[0], 1);
    let mut source = source(&url, json!({"host": null, "port": null}));
    let mut config = tokio_postgres::Config::new();
    config.host("127.0.0.1").port(proxy.port()).user("postgres");
    config.dbname(server.get_dbname().unwrap());
    source.config.target.config = config;
    source.config.target.answer_max = Duration::from_millis(300);
    let mut script = |_| {
        proxy.set(Fault::BlackHole);
        false
    };
    let mut intake = Scripted { inner: polls(3), script: &mut script };
    let error = source.run(&mut intake).unwrap_err();
    assert!(error.retry && error.what.contains("did not answer in time"), "{error}");
    let error = source.run(&mut polls(3)).unwrap_err();
    assert!(error.retry && error.what.contains("did not answer in time"), "{error}");
}

#[test]
fn a_stop_is_noticed_while_a_lock_is_waited_for() {
    let url = Server::shared(Version::V18).database();
    let peer = Peer::connect(&url);
    peer.run(TABLE);
    let source = source(&url, json!({}));
    let mut script = |_| {
        peer.run("BEGIN; LOCK TABLE logs IN ACCESS EXCLUSIVE MODE");
        true
    };
    let mut intake = Scripted { inner: polls(3), script: &mut script };
    assert_eq!(source.run(&mut intake).unwrap_err().what, "stopped");
    intake.inner.stop();
    assert_eq!(source.run(&mut intake).unwrap_err().what, "stopped");
}
