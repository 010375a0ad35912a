//! Search, what is known of an issue by meaning, and what is said when meaning is missing.

use super::Server;
use super::fake::{FakeReadStore, issue_id};
use super::shapes::{ISSUE_KEYS, keys};
use crate::Limits;
use engine::model::EventTime;
use serde_json::{Value, json};
use std::sync::atomic::Ordering;

#[test]
fn a_search_lists_issues_in_the_order_of_the_hits_with_what_fits() {
    let server = Server::open();
    let reply = server.get("/api/v1/search?q=%20Refused%20by+whom%3F%20");
    assert_eq!(reply.status, 200, "{}", reply.text());
    let mut answer = reply.json();
    let results = answer["results"].take();
    let expected = json!({ "query": "Refused by whom?", "without_meaning": null, "results": null });
    assert_eq!(answer, expected);
    let ids: Vec<&Value> = results.as_array().unwrap().iter().map(|r| &r["issue"]["id"]).collect();
    assert_eq!(ids, [&json!(issue_id(2).to_string()), &json!(issue_id(0).to_string())]);
    assert_eq!(keys(&results[0]), ["issue", "score", "similarity", "text", "words"]);
    assert_eq!(keys(&results[0]["issue"]), ISSUE_KEYS);
    assert_eq!(results[0]["issue"]["sparkline"], json!([]));
    assert_eq!((&results[0]["score"], &results[0]["similarity"]), (&json!(1.5), &json!(0.4)));
    assert_eq!((&results[0]["words"], &results[1]["words"]), (&json!(["Refused"]), &json!([])));
    assert_eq!(*server.analyst.asked.lock().unwrap(), [("Refused by whom?".to_owned(), 20)]);
}

#[test]
fn a_search_asks_the_store_for_the_hits_only_over_all_time_or_a_given_range() {
    let server = Server::open();
    server.get("/api/v1/search?q=disk");
    let range = "from=2023-11-14T00:00:00Z&to=2023-11-14T12:00:00Z";
    let answer = server.get(&format!("/api/v1/search?q=disk&limit=1&points=3&{range}")).json();
    assert_eq!(answer["results"][0]["issue"]["sparkline"], json!([1, 1, 1]));
    assert_eq!(answer["results"].as_array().unwrap().len(), 1);
    let asked = server.store.asked.lock().unwrap();
    let all_time = (EventTime::OLDEST, EventTime(i64::MAX));
    assert_eq!((asked[0].from, asked[0].to), all_time);
    assert_eq!((asked[0].points, asked[0].skip), (0, 0));
    assert_eq!(asked[0].ids, Some([2, 77, 0].map(issue_id).into()));
    assert_eq!(asked[1].to, EventTime::from_secs(1_699_963_200));
    assert_eq!((asked[1].points, asked[1].limit), (3, 1));
}

#[test]
fn a_search_without_a_model_says_so_and_finds_words_all_the_same() {
    let server = Server::open();
    server.analyst.without_model.store(true, Ordering::Relaxed);
    let answer = server.get("/api/v1/search?q=refused").json();
    assert!(answer["without_meaning"].as_str().unwrap().contains("model"));
    assert_eq!(answer["results"][0]["similarity"], Value::Null);
}

#[test]
fn limit_questions_that_are_empty_or_too_long_are_refused_with_what_to_write() {
    let server = Server::open();
    let longest = format!("/api/v1/search?q={}", "a".repeat(1_000));
    assert_eq!(server.get(&longest).status, 200);
    let too_long = format!("{longest}a");
    for (path, parameter, says) in [
        ("/api/v1/search", "q", "write what you look for"),
        ("/api/v1/search?q=", "q", "write what you look for"),
        ("/api/v1/search?q=%20%09", "q", "write what you look for"),
        (&too_long, "q", "longer than 1000 bytes"),
        ("/api/v1/search?q=a&limit=101", "limit", "from 1 to 100"),
        ("/api/v1/search?q=a&limit=0", "limit", "from 1 to 100"),
        ("/api/v1/search?q=a&points=201", "points", "from 1 to 200"),
        ("/api/v1/search?q=a&from=yesterday", "from", "RFC 3339"),
        ("/api/v1/search?q=a&tag=disk", "tag", "not known here"),
    ] {
        let reply = server.get(path);
        assert_eq!(reply.status, 400, "{path}");
        let problem = reply.json();
        assert_eq!(problem["errors"][0]["parameter"], parameter, "{path}");
        assert!(problem["detail"].as_str().unwrap().contains(says), "{path}: {problem}");
    }
}

#[test]
fn the_meaning_of_an_issue_has_its_parts_and_what_is_possibly_related() {
    let server = Server::open();
    let answer = server.get(&format!("/api/v1/issues/{}/meaning", issue_id(0))).json();
    let part = |pattern: u8, state: &str, similarity: Option<f64>| {
        json!({
            "pattern": format!("p_{pattern:032x}"),
            "text": "connection to <ip> refused",
            "state": state,
            "similarity": similarity,
        })
    };
    let similar = json!({
        "issue": issue_id(2).to_string(),
        "template": "connection to <ip> refused",
        "text": "no route to <ip>",
        "similarity": 0.625,
        "distance": 0.375,
        "class": "error",
        "severity": "error",
        "services": ["api"],
        "spiking": true,
        "first_seen": "2023-11-14T19:26:40Z",
        "last_seen": "2023-11-14T22:13:19.25Z",
        "count": 12,
        "total": 34,
    });
    let expected = json!({
        "issue": issue_id(0).to_string(),
        "same_issue": 0.55,
        "related": 0.3,
        "parts_in_all": 203,
        "parts": [
            part(1, "embedded", Some(0.75)),
            part(2, "pending", None),
            part(3, "not_embedded", None),
        ],
        "similar": [similar],
    });
    assert_eq!(answer, expected);
}

#[test]
fn a_merged_id_leads_to_the_meaning_of_the_issue_it_is_now() {
    let server = Server::open();
    let answer = server.get(&format!("/api/v1/issues/{}/meaning", issue_id(1))).json();
    assert_eq!(answer["issue"], issue_id(0).to_string());
    let asked = [1, 0].map(|n| (issue_id(n).to_string(), 10));
    assert_eq!(*server.analyst.asked.lock().unwrap(), asked);
}

#[test]
fn an_issue_that_is_not_there_and_one_without_meaning_are_told_apart() {
    let server = Server::open();
    for (n, says) in [(77, "there is no issue"), (2, "nothing is known yet")] {
        let reply = server.get(&format!("/api/v1/issues/{}/meaning", issue_id(n)));
        assert_eq!(reply.status, 404);
        assert!(reply.json()["detail"].as_str().unwrap().contains(says), "{}", reply.text());
    }
    assert_eq!(server.get("/api/v1/issues/not-an-id/meaning").status, 404);
    assert_eq!(server.get(&format!("/api/v1/issues/{}/meaning?x=1", issue_id(0))).status, 400);
}

#[test]
fn an_analyst_that_cannot_answer_is_a_503_problem() {
    let server = Server::start(FakeReadStore::default(), None, Limits::default());
    server.analyst.unavailable.store(true, Ordering::Relaxed);
    for path in ["/api/v1/search?q=a", &format!("/api/v1/issues/{}/meaning", issue_id(0))] {
        assert_eq!(server.get(path).status, 503, "{path}");
    }
}

#[test]
fn what_waits_for_an_embedding_is_said_and_the_engine_stays_ready() {
    let server = Server::open();
    let trouble = Some("the model is not there".to_owned());
    server.status.embedding(3, trouble);
    let ready = server.get("/readyz");
    assert_eq!(ready.status, 200);
    let ready = ready.json();
    assert_eq!(ready["ready"], true);
    let sentence = ready["degraded"][0].as_str().unwrap();
    assert!(sentence.contains("3 patterns wait") && sentence.contains("the model is not there"));
}
