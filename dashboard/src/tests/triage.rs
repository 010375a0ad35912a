//! Issues over HTTP: what people may decide about them, what happened to one, and what was said about grouping.

use super::client::Reply;
use super::fake::issue_id;
use super::sources::{JSON, send};
use super::{NOW, Server};
use crate::routes::{BY_CHARS_MAX, FINGERPRINTS_MAX, ISSUES_MAX};
use engine::model::{Deed, EventTime, Fingerprint, IssueId, TriageState};
use serde_json::{Value, json};

fn post(server: &Server, path: &str, body: &Value) -> Reply {
    send(server, &format!("POST /api/v1/{path}"), JSON, &body.to_string())
}

fn decide(server: &Server, what: &str, body: &Value) -> Reply {
    post(server, &format!("issues/{}/{what}", issue_id(0)), body)
}

#[test]
fn decisions_about_an_issue_reach_the_engine() {
    let server = Server::open();
    let said = json!({"by": "ann", "comment": "fixed in v7"});
    for what in ["resolve", "reopen", "ignore", "comment"] {
        let reply = decide(&server, what, &said);
        assert_eq!(reply.status, 200, "{what}: {}", reply.text());
        let answer = reply.json();
        assert_eq!(answer["durable"], true);
        assert_eq!(answer["issue"]["triage"]["state"], "regressed");
        assert_eq!(answer["issue"]["triage"]["assignee"], "ann");
    }
    assert_eq!(decide(&server, "ignore", &json!({"for": "2h"})).status, 200);
    assert_eq!(decide(&server, "assign", &json!({"to": "bob"})).status, 200);
    assert_eq!(decide(&server, "assign", &json!({"to": null})).status, 200);
    let decided = server.issues.decided.lock().unwrap();
    let deeds: Vec<&Deed> = decided.iter().map(|(_, deed, _)| deed).collect();
    let until = EventTime::from_secs(NOW.secs() + 7200);
    assert_eq!(
        deeds,
        [
            &Deed::Resolve,
            &Deed::Reopen,
            &Deed::Ignore { until: None },
            &Deed::Comment,
            &Deed::Ignore { until: Some(until) },
            &Deed::Assign { to: Some("bob".into()) },
            &Deed::Assign { to: None },
        ]
    );
    assert!(decided.iter().all(|(issues, _, _)| issues == &[issue_id(0)]));
    assert_eq!((&*decided[0].2.by, &*decided[0].2.comment), ("ann", "fixed in v7"));
}

#[test]
fn several_issues_are_decided_about_at_once() {
    let server = Server::open();
    let ids = [issue_id(0), issue_id(1), issue_id(1)].map(|id| id.to_string());
    let reply = post(&server, "issues/decide", &json!({"issues": ids, "what": "resolve"}));
    assert_eq!((reply.status, &reply.json()["issues"]), (200, &json!(2)));
    let unknown = json!({"issues": [IssueId(404).to_string()], "what": "reopen"});
    assert_eq!(post(&server, "issues/decide", &unknown).status, 404);
}

#[test]
fn merges_and_splits_are_listed_until_they_are_taken_back() {
    let server = Server::open();
    let with = json!({"with": [issue_id(1).to_string()], "by": "ann"});
    let merged = decide(&server, "merge", &with).json();
    assert_eq!(merged["groupings"][0]["constraint"]["type"], "must_link");
    let split = decide(&server, "split", &json!({"fingerprints": [Fingerprint(7).to_string()]}));
    assert_eq!((split.status, &split.json()["durable"]), (202, &json!(false)));
    let listed = server.get("/api/v1/groupings").json();
    assert_eq!(listed["groupings"].as_array().unwrap().len(), 2);
    assert_eq!(listed["groupings"][0]["by"], "ann");
    let id = listed["groupings"][0]["id"].as_str().unwrap();
    let undo = |id: &str| send(&server, &format!("DELETE /api/v1/groupings/{id}"), JSON, "");
    assert_eq!(undo(id).status, 200);
    assert_eq!(undo(id).status, 404, "it is gone");
    let itself = json!({"with": [issue_id(0).to_string()]});
    assert_eq!(decide(&server, "merge", &itself).status, 409);
}

#[test]
fn what_happened_to_an_issue_is_told_once_and_page_by_page() {
    let server = Server::open();
    let path = format!("/api/v1/issues/{}/activity", issue_id(0));
    let all = server.get(&path).json();
    let what = |page: &Value| -> Vec<String> {
        let rows = page["activity"].as_array().unwrap();
        rows.iter().map(|row| row["what"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(what(&all), ["grouped", "assigned", "regressed"]);
    assert_eq!((&all["more"], &all["activity"][1]["to"]), (&json!(false), &json!("bob")));
    let page = server.get(&format!("{path}?limit=1&skip=2")).json();
    assert_eq!((what(&page), &page["more"]), (vec!["assigned".to_owned()], &json!(true)));
    assert_eq!(server.get("/api/v1/issues/i_7/activity").status, 404);
}

#[test]
fn bodies_that_say_what_cannot_be_are_refused() {
    let server = Server::open();
    let long = json!({"by": "x".repeat(BY_CHARS_MAX + 1)});
    let past = json!({"until": "2001-01-01T00:00:00Z"});
    for (what, body) in [
        ("resolve", &long),
        ("ignore", &past),
        ("comment", &json!({"comment": "  "})),
        ("merge", &json!({"with": []})),
        ("merge", &json!({"with": ["i_7"]})),
        ("split", &json!({"fingerprints": ["f1_7"]})),
    ] {
        assert_eq!(decide(&server, what, body).status, 422, "{what} {body}");
    }
    assert!(server.issues.decided.lock().unwrap().is_empty());
}

#[test]
fn limit_lists_of_ids_are_bounded() {
    let server = Server::open();
    let ids = |n: usize| -> Vec<String> { (0..n).map(|n| issue_id(n).to_string()).collect() };
    let bulk =
        |n| post(&server, "issues/decide", &json!({"issues": ids(n), "what": "resolve"})).status;
    assert_eq!((bulk(ISSUES_MAX), bulk(ISSUES_MAX + 1), bulk(0)), (200, 422, 422));
    let prints: Vec<String> =
        (0..=FINGERPRINTS_MAX).map(|n| Fingerprint(n as u128).to_string()).collect();
    let split = |count| decide(&server, "split", &json!({"fingerprints": prints[..count]})).status;
    assert_eq!((split(FINGERPRINTS_MAX), split(FINGERPRINTS_MAX + 1)), (202, 422));
}

#[test]
fn what_is_typed_into_the_box_reaches_the_store() {
    let server = Server::open();
    let typed = "is:unresolved%20service:api%20assignee:ann%20%22was%20refused%22&severity=info";
    assert_eq!(server.get(&format!("/api/v1/issues?q={typed}")).status, 200);
    let asked = server.store.asked.lock().unwrap().remove(0);
    let unresolved = [TriageState::Open, TriageState::Regressed];
    assert_eq!(asked.triage, Some(unresolved.into_iter().collect()));
    assert_eq!((asked.service.as_deref(), asked.assignee.as_deref()), (Some("api"), Some("ann")));
    assert_eq!(asked.words, ["was refused"]);
    assert_eq!(server.get("/api/v1/issues?q=is:gone").status, 400);
}
