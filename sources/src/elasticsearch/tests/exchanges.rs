//! `golden_`: exchanges written by hand in the shape that the products' manuals show. They hold
//! members that the source does not need, so that those do no harm.

use super::super::config::Config;
use super::super::document::append_document;
use super::super::failure::Failure;
use super::super::position::{Key, Tie};
use super::super::search::{Answer, Ask, Begin, behind, page_body};
use engine::component::Options;
use serde_json::{Value as Json, json};

fn config() -> Config {
    let value = json!({"url": "http://search", "index": "logs-*"});
    Config::from_options(&Options { id: "search".into(), value, base: "/".into() }).unwrap()
}

const WITH_SNAPSHOT: &str = r#"{
  "pit_id" : "46ToAwMDaWR5BXV1aWQyKwZub2RlXzMAAAAAAAAAACoBYwADaWR4BXV1aWQx",
  "took" : 17,
  "timed_out" : false,
  "_shards" : { "total" : 4, "successful" : 4, "skipped" : 1, "failed" : 0 },
  "hits" : {
    "max_score" : null,
    "hits" : [ {
      "_index" : ".ds-logs-shop-2026.01.01-000001",
      "_id" : "AZtM-5wBkq\u002d7",
      "_score" : null,
      "_ignored" : [ "message" ],
      "_source" : {
        "@timestamp" : "2026-01-01T00:00:00.123Z",
        "log.level" : "ERROR",
        "message" : "payment 17 was refused"
      },
      "sort" : [ 1767225600123, 42, 4294967298 ]
    } ]
  }
}"#;

#[test]
fn golden_a_page_of_a_point_in_time() {
    let answer = Answer::read(WITH_SNAPSHOT.as_bytes()).unwrap();
    let hit = &answer.hits()[0];
    let key = hit.key().unwrap();
    assert_eq!(key, Key(1_767_225_600_123, Tie::Number(42)));
    assert!(answer.pit_id.as_deref().unwrap().starts_with("46ToAwMD"));
    assert_eq!(behind(&hit.sort), hit.sort, "the third value makes it unique");
    let mut out = Vec::new();
    assert!(!append_document(&config(), hit, &key, &mut out));
    let line = String::from_utf8(out).unwrap();
    assert_eq!(line.matches('\n').count(), 1);
    let read: Json = serde_json::from_str(&line).unwrap();
    assert_eq!(read["_id"], "AZtM-5wBkq-7");
    assert_eq!(read["message"], "payment 17 was refused");
}

#[test]
fn golden_a_page_without_one() {
    let answer = r#"{"took":3,"timed_out":false,"_shards":{"total":1,"successful":1,"skipped":0,
        "failed":0},"hits":{"total":{"value":1,"relation":"eq"},"max_score":null,"hits":[
        {"_index":"logs","_id":"1","_score":null,"_source":{"a":1},"sort":[1767225600123,42]}]}}"#;
    let answer = Answer::read(answer.as_bytes()).unwrap();
    assert_eq!(behind(&answer.hits()[0].sort), [json!(1_767_225_600_123_i64), json!(41)]);
    assert_eq!(answer.total(), Some(1));
}

#[test]
fn golden_what_is_asked() {
    let from = Begin::At(Key(5, Tie::Number(7)));
    let behind = [json!(6), json!(1), json!(2)];
    let ask = Ask {
        from: &from,
        until: 9,
        size: 100,
        behind: Some(&behind),
        snapshot: Some("abc"),
        source: true,
    };
    let body: Json = serde_json::from_str(&page_body(&config(), &ask)).unwrap();
    let time = |how: &str, instant: i64| json!({"range": {"@timestamp": {how: instant, "format": "epoch_millis"}}});
    let same = json!([time("gte", 5), {"range": {"_seq_no": {"gte": 7}}}]);
    let expected = json!({
        "size": 100,
        "query": {"bool": {"filter": [
            time("lte", 9),
            {"bool": {
                "should": [time("gt", 5), {"bool": {"filter": same}}],
                "minimum_should_match": 1,
            }},
        ]}},
        "sort": [
            {"@timestamp": {"order": "asc", "numeric_type": "date", "unmapped_type": "date"}},
            {"_seq_no": {"order": "asc"}},
        ],
        "track_total_hits": false,
        "_source": true,
        "search_after": [6, 1, 2],
        "pit": {"id": "abc", "keep_alive": "1m"},
    });
    assert_eq!(body, expected);
}

#[test]
fn golden_an_expired_point_in_time() {
    let body = r#"{"error":{"root_cause":[{"type":"search_context_missing_exception",
        "reason":"No search context found for id [12]"}],"type":"search_phase_execution_exception",
        "reason":"all shards failed","phase":"query","grouped":true,"failed_shards":[]},"status":404}"#;
    assert!(Failure::answer(404, body.as_bytes()).is_expired());
}

#[test]
fn golden_refusals_of_a_security_plugin_and_of_a_proxy() {
    let plugin = Failure::answer(401, b"Unauthorized");
    assert!(plugin.sentence("logs").contains("(401): Unauthorized"));
    let proxy = Failure::answer(502, b"<html>\n<h1>Bad Gateway</h1>");
    assert_eq!(
        proxy.sentence("logs"),
        "could not read \"logs\" (502): <html> <h1>Bad Gateway</h1>"
    );
}
