//! What is read, and in which words trouble is told.

use super::stage::{NOW, Peer, TABLE, column, polls, source};
use crate::poll::Scripted;
use engine::component::{Source, SourceHealth};
use engine::testing::FakeIntake;
use engine::testing::postgres::{Server, Version};
use serde_json::{Value as Json, json};
use std::time::Duration;

/// Runs a check on an empty database of each version.
fn on_each(check: impl Fn(&str, Peer)) {
    for version in Version::ALL {
        let url = Server::shared(version).database();
        check(&url, Peer::connect(&url));
    }
}

#[test]
fn every_row_is_delivered_once_over_pages_and_polls() {
    on_each(|url, peer| {
        peer.run(TABLE);
        peer.run("INSERT INTO logs (message) SELECT 'row ' || n FROM generate_series(1, 250) n");
        let source = source(url, json!({"page": 40}));
        let mut script = |_| {
            peer.run("INSERT INTO logs (message) VALUES ('one more')");
            false
        };
        let mut intake = Scripted { inner: polls(30), script: &mut script };
        source.run(&mut intake).unwrap_err();
        let ids = column(&intake.inner.lines(), "id");
        assert_eq!(ids, (1..=280).collect::<Vec<i64>>());
    });
}

#[test]
fn a_lower_key_that_commits_later_is_found_however_long_it_takes() {
    for key in [json!("id"), json!(["at", "id"])] {
        on_each(|url, peer| {
            peer.run(TABLE);
            peer.run("ALTER TABLE logs ADD at timestamptz DEFAULT now()");
            let slow = Peer::connect(url);
            slow.run("BEGIN; INSERT INTO logs (message) VALUES ('slow')");
            let source = source(url, json!({"key": key}));
            let mut waits = 0;
            let mut script = |_| {
                waits += 1;
                peer.run("INSERT INTO logs (message) SELECT 'quick' FROM generate_series(1, 20)");
                if waits == 60 {
                    slow.run("COMMIT");
                }
                false
            };
            let mut intake = Scripted { inner: polls(80), script: &mut script };
            source.run(&mut intake).unwrap_err();
            let ids = column(&intake.inner.lines(), "id");
            assert_eq!(ids, (1..=80 * 20 + 1).collect::<Vec<i64>>());
            let floor = &intake.inner.deliveries().last().unwrap().end.as_ref().unwrap().0;
            assert!(
                !floor.contains("\"floor\":null"),
                "the floor moved once it had ended: {floor}"
            );
        });
    }
}

#[test]
fn the_last_transaction_to_write_is_not_passed_over_while_it_runs_and_nothing_follows() {
    on_each(|url, peer| {
        peer.run(TABLE);
        let slow = Peer::connect(url);
        peer.run("BEGIN; INSERT INTO logs (message) VALUES ('first')");
        slow.run("BEGIN; INSERT INTO logs (message) VALUES ('slow')");
        peer.run("INSERT INTO logs (message) VALUES ('third'); COMMIT");
        let source = source(url, json!({"overlap": "1s"}));
        let mut waits = 0;
        let mut script = |_| {
            waits += 1;
            if waits == 60 {
                slow.run("COMMIT");
            }
            false
        };
        let mut intake = Scripted { inner: polls(80), script: &mut script };
        source.run(&mut intake).unwrap_err();
        assert_eq!(column(&intake.inner.lines(), "id"), [1, 2, 3]);
    });
}

#[test]
fn restarts_at_every_offset_change_nothing() {
    let url = Server::shared(Version::V18).database();
    let peer = Peer::connect(&url);
    peer.run(TABLE);
    peer.run("INSERT INTO logs (message) SELECT 'row ' || n FROM generate_series(1, 60) n");
    let source = source(&url, json!({"page": 7}));
    let mut script = |_| {
        peer.run("INSERT INTO logs (message) SELECT 'more' FROM generate_series(1, 3)");
        false
    };
    let mut first = Scripted { inner: polls(40), script: &mut script };
    source.run(&mut first).unwrap_err();
    let first = first.inner;
    let all = peer.number("SELECT count(*) FROM logs");
    for committed in 0..=first.deliveries().len() {
        let mut second = first.crash(committed).stop_after_waits(30);
        source.run(&mut second).unwrap_err();
        let lines = [first.lines_before(committed), second.lines()].concat();
        assert_eq!(column(&lines, "id"), (1..=all).collect::<Vec<i64>>(), "after {committed}");
    }
}

#[test]
fn rows_that_are_updated_rolled_back_or_deleted_are_not_repeated() {
    on_each(|url, peer| {
        peer.run(TABLE);
        let source = source(url, json!({}));
        let mut waits = 0;
        let mut script = |_| {
            waits += 1;
            if waits < 30 {
                peer.run("INSERT INTO logs (message) SELECT 'new' FROM generate_series(1, 4)");
                peer.run("BEGIN; INSERT INTO logs (message) VALUES ('never'); ROLLBACK");
                peer.run("UPDATE logs SET message = message || '.' WHERE id % 3 = 0");
                peer.run("VACUUM FREEZE logs");
                peer.run("DELETE FROM logs WHERE id % 10 = 4");
            }
            false
        };
        let mut intake = Scripted { inner: polls(60), script: &mut script };
        source.run(&mut intake).unwrap_err();
        let ids = column(&intake.inner.lines(), "id");
        let expected: Vec<i64> = (1..=29 * 5).filter(|id| id % 5 != 0 && id % 10 != 4).collect();
        assert_eq!(ids, expected);
    });
}

#[test]
fn values_of_every_type_become_one_line_of_json() {
    on_each(|url, peer| {
        peer.run(
            "CREATE TABLE logs (id int PRIMARY KEY, at timestamptz, doc jsonb, n numeric, t text, b bytea, a int[])",
        );
        peer.run(
            "INSERT INTO logs VALUES (1, '2026-01-01 12:00+02', '{\"a\": [1, null]}', 1.10, E'two\\nlines \"é\"', '\\x00ff', '{1,2}')",
        );
        peer.run("INSERT INTO logs (id) VALUES (2)");
        let mut intake = polls(1);
        source(url, json!({})).run(&mut intake).unwrap_err();
        let rows: Vec<Json> =
            intake.lines().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(rows[0]["at"], "2026-01-01T10:00:00+00:00");
        assert_eq!(rows[0]["doc"], json!({"a": [1, null]}));
        assert_eq!(rows[0]["t"], "two\nlines \"é\"");
        assert!(intake.lines()[0].contains("\"n\":1.10"));
        assert_eq!((&rows[1]["id"], &rows[1]["t"]), (&json!(2), &Json::Null));
    });
}

#[test]
fn chosen_columns_get_the_names_that_are_looked_for() {
    let url = Server::shared(Version::V16).database();
    let peer = Peer::connect(&url);
    peer.run("CREATE TABLE logs (id int, sev text, said text, app text, secret text)");
    peer.run("INSERT INTO logs VALUES (1, 'warn', 'disk is full', 'shop', 'x')");
    let columns = json!({"message": "said", "level": "sev", "service": "app"});
    let mut intake = polls(1);
    source(&url, json!({"columns": columns})).run(&mut intake).unwrap_err();
    let row: Json = serde_json::from_str(&intake.lines()[0]).unwrap();
    assert_eq!(row, json!({"level": "warn", "service": "shop", "message": "disk is full"}));
}

#[test]
fn limit_long_rows_are_shortened_and_a_page_is_bounded() {
    let url = Server::shared(Version::V18).database();
    let peer = Peer::connect(&url);
    peer.run(TABLE);
    peer.run("INSERT INTO logs (message) SELECT repeat('é', 700000) FROM generate_series(1, 30)");
    peer.run("INSERT INTO logs (message) SELECT repeat('x', 3000000) FROM generate_series(1, 2)");
    let columns = json!({"message": "message", "level": "id"});
    let source = source(&url, json!({"columns": columns, "max_line_bytes": 2_000_000}));
    let mut intake = polls(1);
    source.run(&mut intake).unwrap_err();
    assert_eq!(column(&intake.lines(), "level"), (1..=32).collect::<Vec<i64>>());
    assert_eq!(intake.lines_cut(), 2);
    assert!(intake.lines().iter().all(|line| line.len() <= 2_000_000));
}

#[test]
fn limit_a_poll_keeps_to_its_requests_and_the_next_one_goes_on() {
    let url = Server::shared(Version::V18).database();
    let peer = Peer::connect(&url);
    peer.run(TABLE);
    peer.run("INSERT INTO logs (message) SELECT 'row' FROM generate_series(1, 500)");
    let source = source(&url, json!({"page": 5, "poll_budget": {"requests": 8}}));
    let mut intake = polls(0);
    source.run(&mut intake).unwrap_err();
    assert_eq!(intake.lines().len(), 40);
    let mut intake = polls(40);
    source.run(&mut intake).unwrap_err();
    assert_eq!(column(&intake.lines(), "id"), (1..=500).collect::<Vec<i64>>());
}

#[test]
fn limit_more_keys_than_are_remembered_wait_until_they_are_settled() {
    let total = super::super::position::TAKEN_MAX as i64 + 2_000;
    let url = Server::shared(Version::V18).database();
    let peer = Peer::connect(&url);
    peer.run("CREATE TABLE logs (id text PRIMARY KEY, number bigint)");
    peer.run(&format!(
        "INSERT INTO logs SELECT lpad(n::text, 9, '0'), n FROM generate_series(1, {total}) n"
    ));
    let source = source(&url, json!({"page": 10_000}));
    let mut intake = polls(30);
    source.run(&mut intake).unwrap_err();
    assert_eq!(column(&intake.lines(), "number"), (1..=total).collect::<Vec<i64>>());
    let told = |health: &SourceHealth| matches!(health, SourceHealth::Degraded(text) if text.contains("reading waits"));
    assert!(intake.health().iter().any(told));
    assert_eq!(intake.health().last(), Some(&SourceHealth::Ok));
}

#[test]
fn a_row_from_the_future_waits_and_drags_nothing_with_it() {
    let url = Server::shared(Version::V16).database();
    let peer = Peer::connect(&url);
    peer.run("CREATE TABLE logs (id bigserial, at timestamptz DEFAULT now())");
    peer.run("INSERT INTO logs (at) VALUES ('2099-01-01')");
    let source = source(&url, json!({"key": ["at", "id"]}));
    let mut script = |_| {
        peer.run("INSERT INTO logs DEFAULT VALUES");
        false
    };
    let mut intake = Scripted { inner: polls(30), script: &mut script };
    source.run(&mut intake).unwrap_err();
    assert_eq!(column(&intake.inner.lines(), "id"), (2..=31).collect::<Vec<i64>>());
}

#[test]
fn a_query_with_a_cursor_is_read_like_a_table() {
    on_each(|url, peer| {
        peer.run(TABLE);
        peer.run("CREATE TABLE kinds (id bigint, kind text)");
        peer.run("INSERT INTO kinds SELECT n, 'kind ' || n FROM generate_series(1, 100) n");
        let query = "select l.id, k.kind as message from logs l join kinds k using (id) where l.id > :cursor;";
        let source = source(url, json!({"table": null, "query": query, "start": "10", "page": 7}));
        let slow = Peer::connect(url);
        slow.run("SELECT 1");
        peer.run("INSERT INTO logs (message) SELECT 'x' FROM generate_series(1, 20)");
        slow.run("BEGIN; INSERT INTO logs (message) VALUES ('slow')");
        peer.run("INSERT INTO logs (message) SELECT 'x' FROM generate_series(1, 20)");
        let mut waits = 0;
        let mut script = |_| {
            waits += 1;
            if waits == 20 {
                slow.run("COMMIT");
            }
            false
        };
        let mut intake = Scripted { inner: polls(40), script: &mut script };
        source.run(&mut intake).unwrap_err();
        assert_eq!(column(&intake.inner.lines(), "id"), (11..=41).collect::<Vec<i64>>());
    });
}

#[test]
fn the_first_start_decides_what_now_is() {
    let url = Server::shared(Version::V18).database();
    let peer = Peer::connect(&url);
    peer.run(TABLE);
    peer.run("INSERT INTO logs (message) VALUES ('before')");
    let source = source(&url, json!({"start": "now"}));
    let mut first = polls(0);
    source.run(&mut first).unwrap_err();
    peer.run("INSERT INTO logs (message) VALUES ('after')");
    let mut second = first.crash(first.deliveries().len()).stop_after_waits(2);
    second.advance(Duration::from_secs(60));
    source.run(&mut second).unwrap_err();
    assert_eq!(column(&second.lines(), "id"), [2]);
}

#[test]
fn what_cannot_be_read_is_named_and_tried_again() {
    on_each(|url, peer| {
        let mut intake = polls(1);
        let error = source(url, json!({})).run(&mut intake).unwrap_err();
        assert!(error.retry && error.what.contains("(42P01)"), "{error}");
        assert!(error.what.contains("could not read table \"logs\""), "{error}");
        assert!(matches!(&intake.health()[0], SourceHealth::Degraded(_)));
        peer.run(TABLE);
        let nobody = format!("nobody_{}", url.rsplit('_').next().unwrap());
        peer.run(&format!("DROP ROLE IF EXISTS {nobody}; CREATE ROLE {nobody} LOGIN"));
        let denied = source(url, json!({"user": nobody})).run(&mut polls(1)).unwrap_err();
        assert!(denied.what.contains("(42501)") && denied.what.contains("grant"), "{denied}");
        let database = source(url, json!({"database": "absent"})).run(&mut polls(1)).unwrap_err();
        assert!(database.what.contains("(3D000)"), "{database}");
        let column = source(url, json!({"key": "absent"})).run(&mut polls(1)).unwrap_err();
        assert!(column.what.contains("(42703)"), "{column}");
    });
}

#[test]
fn a_connection_test_says_what_would_be_read() {
    let url = Server::shared(Version::V16).database();
    let peer = Peer::connect(&url);
    peer.run(TABLE);
    let source = source(&url, json!({}));
    let empty = source.check().unwrap();
    assert!(empty.ends_with("table \"logs\" can be read, there is no row yet"), "{empty}");
    peer.run("INSERT INTO logs (message) VALUES ('one')");
    let one = source.check().unwrap();
    assert!(one.starts_with("Postgres 16") && one.ends_with("the highest key is 1"), "{one}");
}

#[test]
fn a_foreign_offset_is_refused() {
    let url = Server::shared(Version::V18).database();
    let peer = Peer::connect(&url);
    peer.run("CREATE TABLE logs (id text, number bigint); INSERT INTO logs VALUES ('a', 1)");
    let mut first = FakeIntake::at(NOW).stop_after_waits(1);
    source(&url, json!({})).run(&mut first).unwrap_err();
    let mut second = first.crash(1);
    let other = source(&url, json!({"key": "number"}));
    let error = other.run(&mut second).unwrap_err();
    assert!(error.what.contains("stored offset"), "{error}");
}
