//! Every route answers what the contract says, and hostile parameters get a clear refusal.

use super::fake::{FakeReadStore, Mood, issue_id};
use super::{NOW, Server};
use crate::Limits;
use engine::component::IssueOrder;
use engine::model::{EventTime, Severity};
use engine::runtime::status::Phase;
use serde_json::{Value, json};

#[track_caller]
pub(super) fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

pub(super) const ISSUE_KEYS: [&str; 15] = [
    "class",
    "count",
    "fingerprints",
    "first_seen",
    "id",
    "last_seen",
    "services",
    "severity",
    "sparkline",
    "spiking",
    "state",
    "tags",
    "template",
    "total",
    "triage",
];

#[test]
fn health_version_and_metrics_answer() {
    let server = Server::open();
    let alive = server.get("/livez");
    assert_eq!((alive.status, alive.text()), (200, "ok"));
    let version = server.get("/version").json();
    assert_eq!(version, json!({ "name": "seismolog", "version": env!("CARGO_PKG_VERSION") }));
    let metrics = server.get("/metrics");
    assert!(metrics.header("content-type").starts_with("application/openmetrics-text"));
    assert!(metrics.text().ends_with("# EOF\n"));
}

#[test]
fn readiness_comes_with_reasons() {
    let server = Server::open();
    let ready = server.get("/readyz");
    let source = json!({ "id": "app", "state": "running", "message": null, "restarts": 0 });
    let expected = json!({
        "ready": true,
        "reasons": [],
        "degraded": [],
        "epoch": 41,
        "sources": [source],
    });
    assert_eq!((ready.status, ready.json()), (200, expected));
    server.status.phase(Phase::Draining);
    let ready = server.get("/readyz");
    assert_eq!(ready.status, 503);
    assert_eq!(ready.json()["reasons"], json!(["the engine is shutting down"]));
}

#[test]
fn the_issue_list_has_the_shape_of_the_contract() {
    let server = Server::open();
    let reply = server.get("/api/v1/issues");
    assert_eq!(reply.header("content-type"), "application/json");
    let page = reply.json();
    assert_eq!(keys(&page), ["from", "issues", "matching", "next", "slice_seconds", "to"]);
    assert_eq!(page["from"], "2023-11-13T22:14:00Z");
    assert_eq!(page["to"], "2023-11-14T22:14:00Z");
    assert_eq!((&page["matching"], &page["next"]), (&json!(3), &Value::Null));
    assert_eq!(page["slice_seconds"], 1800);
    let issue = &page["issues"][0];
    assert_eq!(keys(issue), ISSUE_KEYS);
    assert_eq!(issue["id"], issue_id(0).to_string());
    assert_eq!(issue["last_seen"], "2023-11-14T22:13:19.25Z");
    assert_eq!((&issue["class"], &issue["state"]), (&json!("error"), &json!("new")));
    assert_eq!(issue["sparkline"].as_array().unwrap().len(), 48);
    let tag = json!({ "tag": "network", "score": 0.625, "reason": "it says \"refused\"" });
    assert_eq!(issue["tags"], json!([tag]));
    let changed_at = "2023-11-14T22:13:20Z";
    let triage = json!({
        "state": "regressed", "changed_at": changed_at, "by": null, "until": null, "assignee": "ann"
    });
    assert_eq!(issue["triage"], triage);
}

#[test]
fn parameters_of_the_issue_list_reach_the_store() {
    let server = Server::open();
    let path = "/api/v1/issues?from=2023-11-14T00:00:00Z&to=2023-11-14T12:00:00%2B01:00&points=3\
        &order=last_seen&severity=error&q=refused%20Conn&service=api&tag=disk&state=new,spiking&limit=2";
    assert_eq!(server.get(path).status, 200);
    let asked = server.store.asked.lock().unwrap().remove(0);
    assert_eq!(asked.to, EventTime::from_secs(1_699_959_600));
    assert_eq!((asked.points, asked.limit, asked.skip), (3, 2, 0));
    assert_eq!((asked.order, asked.min_severity), (IssueOrder::LastSeen, Severity::Error));
    assert_eq!(asked.words, ["refused", "Conn"]);
    assert_eq!(asked.service.as_deref(), Some("api"));
    assert_eq!((asked.tag.as_deref(), asked.ids), (Some("disk"), None));
    assert!(asked.only_new && asked.only_spiking);
    assert_eq!(asked.now, NOW);
}

#[test]
fn a_list_may_ask_about_all_time() {
    let server = Server::open();
    let all = "from=1990-01-01T00:00:00Z&to=2100-01-01T00:00:00Z";
    let reply = server.get(&format!("/api/v1/issues?{all}&order=last_seen&limit=1"));
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.json()["issues"].as_array().unwrap().len(), 1);
}

#[test]
fn pages_follow_each_other_over_one_range_until_all_is_shown() {
    let store = FakeReadStore { issue_count: 5, ..FakeReadStore::default() };
    let server = Server::start(store, None, Limits::default());
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = server.get(&format!("/api/v1/issues?limit=2&cursor={cursor}")).json();
        ids.extend(page["issues"].as_array().unwrap().iter().map(|issue| issue["id"].clone()));
        match page["next"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    let expected: Vec<Value> = (0..5).map(|n| json!(issue_id(n).to_string())).collect();
    assert_eq!(ids, expected);
    let asked = server.store.asked.lock().unwrap();
    assert!(asked.iter().all(|query| query.from == asked[0].from && query.to == asked[0].to));
}

#[test]
fn one_issue_has_members_samples_and_alerts() {
    let server = Server::open();
    let detail = server.get(&format!("/api/v1/issues/{}?points=4", issue_id(0))).json();
    assert_eq!(keys(&detail["issue"]), ISSUE_KEYS);
    assert_eq!(detail["issue"]["sparkline"], json!([1, 1, 1, 1]));
    let member = &detail["members"][0];
    assert_eq!(
        keys(member),
        [
            "class",
            "fingerprint",
            "first_seen",
            "last_seen",
            "service",
            "severity",
            "template",
            "template_id",
            "total"
        ]
    );
    assert!(member["fingerprint"].as_str().unwrap().starts_with("f1_"));
    assert_eq!(keys(&detail["samples"][0]), ["fingerprint", "record", "source", "time"]);
    assert_eq!(detail["samples"][0]["time"], "2023-11-14T22:13:19Z");
    assert_eq!(detail["alerts"][0]["issue"], issue_id(0).to_string());
}

#[test]
fn an_alert_says_when_how_many_and_how_surprising() {
    let server = Server::open();
    let alerts = server.get("/api/v1/alerts?limit=1").json();
    assert_eq!(alerts["alerts"].as_array().unwrap().len(), 1);
    let expected = json!({
        "key": "a_00000000000000000000000000000009",
        "incident": "a_00000000000000000000000000000009",
        "issue": issue_id(0).to_string(),
        "template": "connection to <ip> refused",
        "severity": "error",
        "service": "api",
        "kind": "spike",
        "level": "fingerprint",
        "state": "firing",
        "firing": true,
        "start": "2023-11-14T22:05:00Z",
        "last": "2023-11-14T22:10:00Z",
        "end": "2023-11-14T22:15:00Z",
        "bucket_seconds": 300,
        "observed": 150,
        "told_observed": null,
        "fired_at": "2023-11-14T22:06:40Z",
        "changed_at": null,
        "until": null,
        "by": null,
        "comment": null,
        "silence": null,
        "deploy": null,
        "explanation": {
            "sentence": "Events in 2 buckets: 120 events where 2.5 were expected. By chance that happens \
                         once in 10^41 times. 1204 series were watched, at 10 false alarms a day.",
            "test": "events in 2 buckets",
            "window_buckets": 2,
            "false_alerts_per_day": 10.0,
            "series": 1204,
        },
        "peak": {
            "start": "2023-11-14T22:10:00Z",
            "observed": 120,
            "expected": 2.5,
            "ratio": 48.0,
            "surprise": 41.25,
        },
    });
    assert_eq!(alerts["alerts"][0], expected);
}

#[test]
fn a_record_and_the_latest_sample_of_an_issue_are_explained() {
    let server = Server::open();
    let asked = server.get("/api/v1/explain?record=disk%20full").json();
    assert_eq!(asked, json!({ "message": "disk full", "source": null }));
    let asked = server.get("/api/v1/explain?record=disk%20full&source=app").json();
    assert_eq!(asked["source"], "app");
    assert_eq!(server.get("/api/v1/explain").status, 400);
    let detail = server.get(&format!("/api/v1/issues/{}", issue_id(0))).json();
    let explained = server.get(&format!("/api/v1/issues/{}/explain", issue_id(0))).json();
    assert_eq!(explained["message"], detail["samples"][0]["record"]);
    assert_eq!(explained["source"], detail["samples"][0]["source"]);
}

#[test]
fn what_varies_in_an_issue_is_told_with_the_number_of_samples() {
    let server = Server::open();
    let values = server.get(&format!("/api/v1/issues/{}/values", issue_id(0))).json();
    let expected = json!({
        "issue": issue_id(0).to_string(),
        "template": "connection to <ip> refused",
        "kept": 12,
        "samples": 11,
        "variables": [{
            "position": 0,
            "placeholder": 0,
            "name": "ip",
            "type": "ip",
            "distinct": 1,
            "top": [{ "value": "10.0.0.1", "count": 3 }],
            "samples": 3,
        }],
    });
    assert_eq!(values, expected);
    assert_eq!(server.get(&format!("/api/v1/issues/{}/values", issue_id(77))).status, 404);
    assert_eq!(server.get("/api/v1/issues/not-an-id/values").status, 404);
}

#[test]
fn rejected_records_come_with_reason_number_and_examples() {
    let server = Server::open();
    let rejected = server.get("/api/v1/rejected").json();
    let examples = json!(["1970-01-01 <b>epoch</b>"]);
    let row = json!({ "source": "app", "reason": "absurd_time", "count": 7, "examples": examples });
    assert_eq!(rejected, json!({ "rejected": [row] }));
    assert_eq!(server.get("/api/v1/rejected?x=1").status, 400);
}

#[test]
fn timelines_name_their_slices() {
    let server = Server::open();
    let range = "from=2023-11-14T00:00:00Z&to=2023-11-14T12:00:00Z";
    for path in ["/api/v1/timeline".to_owned(), format!("/api/v1/issues/{}/timeline", issue_id(0))]
    {
        let timeline = server.get(&format!("{path}?{range}&slice=300")).json();
        let slice = json!({ "start": "2023-11-14T00:00:00Z", "error": 1, "warn": 2, "rest": 3 });
        let expected = json!({
            "from": "2023-11-14T00:00:00Z",
            "to": "2023-11-14T12:00:00Z",
            "slice_seconds": 300,
            "slices": [slice],
        });
        assert_eq!(timeline, expected);
        assert_eq!(server.get(&format!("{path}?{range}")).json()["slice_seconds"], 60);
    }
    let year = "/api/v1/timeline?from=2023-01-01T00:00:00Z&to=2023-12-31T00:00:00Z";
    assert_eq!(server.get(year).json()["slice_seconds"], 10_800);
}

#[test]
fn the_graph_and_the_audit_are_shown_as_they_are() {
    let server = Server::open();
    let graph = server.get("/api/v1/graph").json();
    let expected = json!({
        "nodes": [
            { "id": "app", "type": "file", "kind": "source", "output": "lines" },
            { "id": "store", "type": "sqlite", "kind": "store", "output": null },
        ],
        "edges": [{ "from": "app", "to": "store", "stream": "lines" }],
    });
    assert_eq!(graph, expected);
    let audit = server.get("/api/v1/audit").json();
    assert_eq!((&audit["balanced"], &audit["read"]), (&json!(true), &json!(5)));
    let source = json!({ "offset": { "a.log": "10" }, "read": 5, "lag_bytes": 0, "lost_bytes": 0 });
    assert_eq!(audit["sources"]["app"], source);
}

#[test]
fn what_does_not_exist_is_a_404_problem() {
    let server = Server::open();
    for path in [
        &format!("/api/v1/issues/{}", issue_id(77)),
        &format!("/api/v1/issues/{}/timeline", issue_id(77)),
        "/api/v1/issues/f1_00000000000000000000000000000001",
        "/api/v1/issues/%3Cscript%3E",
        "/api/v1/issues/..%2f..%2fetc%2fpasswd",
        "/api/v1/nothing",
        "/api/v2/issues",
        "/api",
        "/missing.js",
        "/.gitignore",
    ] {
        let reply = server.get(path);
        assert_eq!(reply.status, 404, "{path}");
        assert_eq!(reply.header("content-type"), "application/problem+json");
        assert_eq!(keys(&reply.json()), ["detail", "status", "title", "type"]);
    }
}

#[test]
fn limit_hostile_parameters_are_refused_by_name() {
    let server = Server::open();
    let many_words = format!("/api/v1/issues?q={}", "a+".repeat(17));
    let long_word = format!("/api/v1/issues?q={}", "a".repeat(257));
    for (path, parameter) in [
        ("/api/v1/issues?limit=0", "limit"),
        ("/api/v1/issues?limit=201", "limit"),
        ("/api/v1/issues?limit=-1", "limit"),
        ("/api/v1/issues?points=201", "points"),
        ("/api/v1/issues?points=18446744073709551617", "points"),
        ("/api/v1/issues?order=1;drop%20table%20issues", "order"),
        ("/api/v1/issues?severity=ERROR", "severity"),
        ("/api/v1/issues?state=old", "state"),
        ("/api/v1/issues?cursor=50", "cursor"),
        ("/api/v1/issues?cursor=%00", "cursor"),
        ("/api/v1/issues?q=%ff", "q"),
        ("/api/v1/issues?from=yesterday", "from"),
        ("/api/v1/timeline?from=1970-01-01T00:00:00Z", "from"),
        ("/api/v1/issues?to=2023-01-01T00:00:00Z&from=2024-01-01T00:00:00Z", "from"),
        ("/api/v1/issues?q=a&q=b", "q"),
        ("/api/v1/issues?limt=5", "limt"),
        (&many_words, "q"),
        (&long_word, "q"),
        ("/api/v1/alerts?limit=100000", "limit"),
        ("/api/v1/timeline?slice=61", "slice"),
        ("/api/v1/timeline?slice=7", "slice"),
        ("/api/v1/timeline?slice=420", "slice"),
        ("/api/v1/timeline?slice=60&from=2023-11-01T00:00:00Z", "slice"),
        ("/api/v1/audit?x=1", "x"),
    ] {
        let reply = server.get(path);
        assert_eq!(reply.status, 400, "{path}: {}", reply.text());
        let problem = reply.json();
        assert_eq!(problem["errors"][0]["parameter"], parameter, "{path}");
        assert!(problem["detail"].as_str().unwrap().contains(parameter), "{path}");
    }
}

#[test]
fn a_store_that_cannot_be_reached_is_a_503_problem_and_liveness_goes_on() {
    let store = FakeReadStore { mood: Mood::Unavailable, ..FakeReadStore::default() };
    let server = Server::start(store, None, Limits::default());
    for path in [
        "/api/v1/issues",
        "/api/v1/timeline",
        "/api/v1/alerts",
        "/api/v1/audit",
        "/api/v1/export/counts",
    ] {
        let reply = server.get(path);
        assert_eq!(reply.status, 503, "{path}");
        assert!(reply.text().contains("could not reach the store"), "{path}");
        assert_eq!(reply.header("retry-after"), "5");
    }
    assert_eq!(server.get("/livez").status, 200);
}

#[test]
fn other_addresses_are_the_ui() {
    let server = Server::open();
    for path in ["/", "/issues", "/issues/i_0?from=x"] {
        let reply = server.get_with(path, &[("accept", "text/html")]);
        assert_eq!(reply.status, 200);
        assert!(reply.header("content-type").starts_with("text/html"));
    }
}

#[test]
fn while_the_store_is_away_the_last_answer_is_shown_with_its_age() {
    let server = Server::open();
    let first = server.get("/api/v1/issues?limit=2");
    assert_eq!((first.status, first.header("warning")), (200, ""));
    server.status.store_error(Some("connection refused".to_owned()));
    let again = server.get("/api/v1/issues?limit=2");
    assert_eq!((again.status, again.header("age")), (200, "0"));
    assert!(again.header("warning").starts_with("110 "), "{:?}", again.headers);
    assert_eq!(again.text(), first.text());
    assert_eq!(
        server.get("/api/v1/issues?limit=3").header("warning"),
        "",
        "nobody asked that before"
    );
    server.status.store_error(None);
    assert_eq!(server.get("/api/v1/issues?limit=2").header("warning"), "");
}

#[test]
fn a_store_that_goes_away_while_it_is_asked_leaves_the_last_answer() {
    let away = FakeReadStore { mood: Mood::Unavailable, ..FakeReadStore::default() };
    let server = Server::start(away, None, Limits::default());
    assert_eq!(server.get("/api/v1/issues").status, 503, "there is no earlier answer");
}
