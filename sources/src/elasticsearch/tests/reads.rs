//! What is read, and in which words trouble is told.

use super::super::snapshot::Product;
use super::fake::{FakeCluster, Fault};
use super::stage::{NOW, NOW_MS, add, both_products, counted, ids, run, source};
use crate::poll::Scripted;
use engine::component::{Source, SourceHealth};
use engine::testing::FakeIntake;
use serde_json::json;

fn polls(count: usize) -> FakeIntake {
    FakeIntake::at(NOW).stop_after_waits(count)
}

#[test]
fn every_document_is_delivered_once_over_pages_and_polls() {
    for cluster in both_products() {
        for number in 0..25 {
            add(&cluster, &number.to_string(), NOW_MS - 90_000 + number / 5 * 7_000);
        }
        let source = source(&cluster, json!({"page": 3}));
        let mut intake = polls(9);
        run(&source, &mut intake).unwrap_err();
        assert_eq!(counted(&intake.lines()).len(), 25);
        assert_eq!(intake.lines().len(), 25, "none twice");
        assert_eq!(cluster.state().snapshots.len(), 0, "every point in time was closed");
    }
}

#[test]
fn without_points_in_time_the_live_index_is_read_exactly() {
    for cluster in both_products() {
        cluster.state().refuse_snapshots = true;
        for number in 0..40 {
            add(&cluster, &number.to_string(), NOW_MS - 50_000);
        }
        let source = source(&cluster, json!({"page": 2}));
        let mut intake = polls(9);
        run(&source, &mut intake).unwrap_err();
        assert_eq!((intake.lines().len(), counted(&intake.lines()).len()), (40, 40));
    }
}

#[test]
fn a_late_document_is_found_while_the_overlap_lasts() {
    for cluster in both_products() {
        add(&cluster, "first", NOW_MS - 1_000);
        let source = source(&cluster, json!({}));
        let mut waits = 0;
        let mut script = |_| {
            waits += 1;
            if waits == 3 {
                add(&cluster, "late", NOW_MS - 59_000);
                add(&cluster, "newer", NOW_MS);
            }
            false
        };
        let mut intake = Scripted { inner: polls(9), script: &mut script };
        source.run(&mut intake).unwrap_err();
        assert_eq!(ids(&intake.inner.lines()), ["first", "late", "newer"]);
    }
}

#[test]
fn a_document_from_the_future_waits_for_its_time_and_drags_nothing_with_it() {
    let cluster = FakeCluster::start(Product::Elasticsearch);
    add(&cluster, "2099", NOW_MS + 70 * 365 * 86_400_000);
    add(&cluster, "soon", NOW_MS + 15_000);
    let source = source(&cluster, json!({}));
    let mut script = |_| false;
    let mut intake = Scripted { inner: polls(1), script: &mut script };
    source.run(&mut intake).unwrap_err();
    assert!(intake.inner.lines().is_empty());
    let mut resumed = intake.inner.crash(0).stop_after_waits(4);
    run(&source, &mut resumed).unwrap_err();
    assert_eq!(ids(&resumed.lines()), ["soon"]);
}

#[test]
fn a_document_that_changes_within_the_overlap_is_not_read_again() {
    let cluster = FakeCluster::start(Product::OpenSearch);
    add(&cluster, "a", NOW_MS - 500);
    let source = source(&cluster, json!({}));
    let mut script = |_| {
        let mut state = cluster.state();
        state.docs[0].seq_no += 10;
        state.docs[0].source["message"] = json!("changed");
        false
    };
    let mut intake = Scripted { inner: polls(9), script: &mut script };
    source.run(&mut intake).unwrap_err();
    assert_eq!(intake.inner.lines().len(), 1);
}

#[test]
fn the_first_start_decides_what_now_is() {
    let cluster = FakeCluster::start(Product::Elasticsearch);
    add(&cluster, "before", NOW_MS - 1_000);
    let source = source(&cluster, json!({"start": "now"}));
    let mut first = polls(0);
    run(&source, &mut first).unwrap_err();
    add(&cluster, "after", NOW_MS + 1_000);
    let mut second = first.crash(first.deliveries().len()).stop_after_waits(3);
    second.advance(std::time::Duration::from_secs(30));
    run(&source, &mut second).unwrap_err();
    assert_eq!(ids(&second.lines()), ["after"]);
}

#[test]
fn a_query_and_fields_choose_what_is_read() {
    let cluster = FakeCluster::start(Product::Elasticsearch);
    for (id, env) in [("a", "live"), ("b", "test")] {
        let source = json!({"@timestamp": NOW_MS, "env": env, "text": "hello", "size": 7});
        cluster.add("logs-a", id, source);
    }
    let options = json!({"query": {"term": {"env": "live"}}, "fields": {"message": "text"}});
    let mut intake = polls(1);
    run(&source(&cluster, options), &mut intake).unwrap_err();
    let line = "{\"_index\":\"logs-a\",\"_id\":\"a\",\"@timestamp\":\"2026-01-01T00:00:00Z\",\"message\":\"hello\"}";
    assert_eq!(intake.lines(), [line]);
}

#[test]
fn a_login_is_sent_and_a_wrong_one_is_told_without_the_secret() {
    let cluster = FakeCluster::start(Product::Elasticsearch);
    add(&cluster, "a", NOW_MS);
    cluster.state().authorization = Some("Basic cmVhZGVyOmh1bnRlcjI=".to_owned());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("password");
    std::fs::write(&path, "wrong-secret\n").unwrap();
    let source = source(&cluster, json!({"user": "reader", "password_file": path}));
    let mut intake = polls(1);
    let error = run(&source, &mut intake).unwrap_err();
    assert!(error.retry && error.what.contains("(401)"), "{error}");
    assert!(matches!(&intake.health()[0], SourceHealth::Degraded(text) if text.contains("(401)")));
    assert!(!format!("{error:?}{source:?}").contains("wrong-secret"));
    std::fs::write(&path, "hunter2\n").unwrap();
    let mut intake = polls(1);
    run(&source, &mut intake).unwrap_err();
    assert_eq!(intake.lines().len(), 1, "the file is read again");
}

#[test]
fn refusals_and_outages_are_named_and_can_be_tried_again() {
    for (status, words) in [
        (429, "asked to slow down (429)"),
        (503, "could not read \"logs-*\" (503)"),
        (403, "may not read \"logs-*\" (403)"),
        (302, "sends somewhere else"),
    ] {
        let cluster = FakeCluster::start(Product::Elasticsearch);
        cluster.state().faults = vec![None, None, Some(Fault::Status(status))].into();
        let error = run(&source(&cluster, json!({})), &mut polls(1)).unwrap_err();
        assert!(error.retry && error.what.contains(words), "{error}");
    }
}

#[test]
fn a_missing_index_is_named() {
    let cluster = FakeCluster::start(Product::Elasticsearch);
    let source = source(&cluster, json!({"index": "absent"}));
    let mut intake = polls(1);
    let error = run(&source, &mut intake).unwrap_err();
    assert!(error.retry && error.what.starts_with("could not find \"absent\" (404)"), "{error}");
    assert_eq!(intake.health().len(), 1);
}

#[test]
fn an_address_that_does_not_answer_is_passed_over() {
    let cluster = FakeCluster::start(Product::Elasticsearch);
    add(&cluster, "a", NOW_MS);
    let urls = json!({"url": ["http://127.0.0.1:1", cluster.url()]});
    let mut intake = polls(1);
    run(&source(&cluster, urls), &mut intake).unwrap_err();
    assert_eq!(intake.lines().len(), 1);
    let alone = source(&cluster, json!({"url": "http://127.0.0.1:1"}));
    let error = run(&alone, &mut polls(1)).unwrap_err();
    assert!(error.retry && error.what.starts_with("could not reach http://127.0.0.1:1"), "{error}");
}

#[test]
fn an_answer_without_one_shard_is_not_used() {
    let cluster = FakeCluster::start(Product::Elasticsearch);
    add(&cluster, "a", NOW_MS);
    cluster.state().faults = vec![None, None, None, Some(Fault::LostShard)].into();
    let mut intake = polls(1);
    let error = run(&source(&cluster, json!({})), &mut intake).unwrap_err();
    assert!(error.what.contains("1 shards did not answer"), "{error}");
    assert!(intake.lines().is_empty());
}

#[test]
fn a_foreign_offset_is_refused() {
    let cluster = FakeCluster::start(Product::Elasticsearch);
    let mut first = polls(1);
    let stdin = engine::model::Offset("{\"bytes\":7}".into());
    engine::component::Intake::send(
        &mut first,
        engine::component::Delivery {
            partition: engine::model::PartitionId("documents".into()),
            bytes: Vec::new(),
            end: Some(stdin),
            received: None,
            lines_cut: 0,
            lost_bytes: 0,
            lag_bytes: 0,
        },
    )
    .unwrap();
    let error = run(&source(&cluster, json!({})), &mut first.crash(1)).unwrap_err();
    assert!(error.what.contains("offset"), "{error}");
}

#[test]
fn a_connection_test_says_what_would_be_read() {
    let [elasticsearch, opensearch] = both_products();
    for cluster in [&elasticsearch, &opensearch] {
        cluster.add("logs-a", "1", json!({"@timestamp": NOW_MS - 5}));
        cluster.add("logs-b", "2", json!({"@timestamp": NOW_MS}));
    }
    assert_eq!(
        source(&elasticsearch, json!({})).check().unwrap(),
        "Elasticsearch 8.15.0: 2 indices match logs-*, 2 documents, the newest of 2026-01-01T00:00:00Z"
    );
    let found = source(&opensearch, json!({"index": "logs-a"})).check().unwrap();
    assert!(found.starts_with("OpenSearch 2.17.1: 1 index matches logs-a, 1 documents"), "{found}");
    let refused = source(&opensearch, json!({"index": "absent"})).check().unwrap_err();
    assert!(refused.what.contains("could not find"), "{refused}");
}
