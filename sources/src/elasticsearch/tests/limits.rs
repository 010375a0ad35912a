//! `limit_`: budgets, large pages and crowded windows.

use super::super::snapshot::Product;
use super::fake::FakeCluster;
use super::stage::{NOW, NOW_MS, add, counted, run, source};
use engine::component::{Options, Source, SourceHealth};
use engine::testing::FakeIntake;
use serde_json::{Value as Json, json};

fn polls(count: usize) -> FakeIntake {
    FakeIntake::at(NOW).stop_after_waits(count)
}

#[test]
fn limit_a_poll_keeps_to_its_requests_and_the_next_one_goes_on() {
    for refuse_snapshots in [false, true] {
        let cluster = FakeCluster::start(Product::OpenSearch);
        cluster.state().refuse_snapshots = refuse_snapshots;
        for number in 0..60 {
            add(&cluster, &number.to_string(), NOW_MS - 200_000 + number * 3_000);
        }
        let options = json!({"page": 2, "poll_budget": {"requests": 8}});
        let source = source(&cluster, options);
        let mut first = polls(0);
        run(&source, &mut first).unwrap_err();
        let (lines, requests) = (first.lines().len(), cluster.state().requests.len());
        assert!(lines < 60 && requests <= 8 + 2, "{lines} lines, {requests} requests");
        let mut intake = first.crash(first.deliveries().len()).stop_after_waits(40);
        run(&source, &mut intake).unwrap_err();
        let all = [first.lines(), intake.lines()].concat();
        assert_eq!((all.len(), counted(&all).len()), (60, 60));
    }
}

#[test]
fn limit_very_many_documents_of_one_instant_need_no_larger_budget() {
    let cluster = FakeCluster::start(Product::Elasticsearch);
    for number in 0..100 {
        add(&cluster, &number.to_string(), NOW_MS - 300_000);
    }
    add(&cluster, "newest", NOW_MS);
    let source = source(&cluster, json!({"page": 2, "poll_budget": {"requests": 8}}));
    let mut intake = polls(40);
    run(&source, &mut intake).unwrap_err();
    assert_eq!((intake.lines().len(), counted(&intake.lines()).len()), (101, 101));
}

#[test]
fn limit_a_page_that_is_too_large_is_read_in_parts_and_a_document_that_is_without_its_content() {
    let cluster = FakeCluster::start(Product::Elasticsearch);
    for number in 0..20 {
        let size = if number == 7 { 90_000 } else { 3_000 };
        let source = json!({"@timestamp": NOW_MS - 20 + number, "message": "m".repeat(size)});
        cluster.add("logs-a", &number.to_string(), source);
    }
    let mut source = source(&cluster, json!({}));
    source.answer_max = 20_000;
    let mut intake = polls(3);
    run(&source, &mut intake).unwrap_err();
    assert_eq!((intake.lines().len(), counted(&intake.lines()).len()), (20, 20));
    assert_eq!(intake.lines_cut(), 1);
    let stub = intake.lines().into_iter().find(|line| line.contains("\"_id\":\"7\"")).unwrap();
    assert_eq!(
        stub,
        "{\"_index\":\"logs-a\",\"_id\":\"7\",\"@timestamp\":\"2025-12-31T23:59:59.987Z\"}"
    );
}

#[test]
fn limit_more_documents_in_the_overlap_than_are_remembered_shrink_it_and_are_told() {
    let cluster = FakeCluster::start(Product::Elasticsearch);
    let total = super::super::position::SEEN_MAX as i64 + 500;
    for number in 0..total {
        add(&cluster, &number.to_string(), NOW_MS - 59_000 + number);
    }
    let source = source(&cluster, json!({"page": 10_000}));
    let mut intake = polls(5);
    run(&source, &mut intake).unwrap_err();
    assert_eq!(
        (intake.lines().len() as i64, counted(&intake.lines()).len() as i64),
        (total, total)
    );
    let told = |health: &SourceHealth| matches!(health, SourceHealth::Degraded(text) if text.contains("make `overlap` shorter"));
    assert!(intake.health().iter().any(told), "{:?}", intake.health());
}

#[test]
fn limit_documents_that_nothing_orders_are_refused_by_name() {
    let cluster = FakeCluster::start(Product::OpenSearch);
    let total = super::super::position::AT_MAX + 5;
    for number in 0..total {
        let source = json!({"@timestamp": NOW_MS, "rank": 1});
        cluster.add("logs-a", &number.to_string(), source);
    }
    let source = source(&cluster, json!({"id_field": "rank", "page": 5000}));
    let error = run(&source, &mut polls(3)).unwrap_err();
    assert!(error.what.contains("have the same `rank`"), "{error}");
}

#[test]
fn a_stop_is_noticed_while_the_cluster_is_silent() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let value: Json = json!({
        "url": format!("http://{}", listener.local_addr().unwrap()), "index": "logs",
    });
    let options = Options { id: "search".into(), value, base: "/".into() };
    let source = super::super::ElasticsearchSource::new(&options).unwrap();
    let mut intake = polls(0);
    intake.stop();
    assert_eq!(source.run(&mut intake).unwrap_err().what, "stopped");
}
