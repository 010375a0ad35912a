//! Alerts over HTTP: lists and their filters, one in full, and what people may decide about them.

use super::client::{Reply, get_from};
use super::fake_alerts::FakeAlerts;
use super::shapes::keys;
use super::sources::{JSON, send};
use super::{NOW, Server};
use crate::routes::{BY_CHARS_MAX, COMMENT_CHARS_MAX, NAME_CHARS_MAX};
use engine::model::{AlertKey, AlertKind, Command, Deploy, EventTime, NoticeId};
use serde_json::{Value, json};
use std::sync::atomic::Ordering;

fn post(server: &Server, path: &str, body: &Value) -> Reply {
    send(server, &format!("POST /api/v1/{path}"), JSON, &body.to_string())
}

fn decide(server: &Server, key: AlertKey, what: &str, body: &Value) -> Reply {
    post(server, &format!("alerts/{key}/{what}"), body)
}

fn ids(page: &Value, list: &str, id: &str) -> Vec<String> {
    let rows = page[list].as_array().unwrap();
    rows.iter().map(|row| row[id].as_str().unwrap().to_owned()).collect()
}

#[test]
fn filters_of_the_alert_list_reach_the_store() {
    let server = Server::open();
    let issue = super::fake::issue_id(0);
    let path = format!(
        "/api/v1/alerts?open=true&service=api&issue={issue}&limit=7\
         &from=2023-11-14T00:00:00Z&to=2023-11-14T12:00:00Z"
    );
    assert_eq!(server.get(&path).status, 200);
    let asked = server.store.alerts_asked.lock().unwrap().remove(0);
    assert!(asked.open_only);
    assert_eq!((asked.service.as_deref(), asked.issue), (Some("api"), Some(issue)));
    assert_eq!(asked.from, EventTime::from_secs(1_699_920_000));
    assert_eq!((asked.to, asked.skip), (EventTime::from_secs(1_699_963_200), 0));
    for (path, parameter) in [("issue=i_7", "issue"), ("open=yes", "open"), ("cursor=2", "cursor")]
    {
        let refused = server.get(&format!("/api/v1/alerts?{path}"));
        let named = &refused.json()["errors"][0]["parameter"];
        assert_eq!((refused.status, named), (400, &json!(parameter)));
    }
}

#[test]
fn pages_of_alerts_and_deliveries_follow_each_other() {
    let server = Server::open();
    for (path, list, id) in [("alerts", "alerts", "key"), ("deliveries", "deliveries", "notice")] {
        let first = server.get(&format!("/api/v1/{path}?limit=2")).json();
        let next = first["next"].as_str().unwrap();
        let second = server.get(&format!("/api/v1/{path}?limit=2&cursor={next}")).json();
        assert_eq!(second["next"], Value::Null);
        let mut all = ids(&first, list, id);
        all.extend(ids(&second, list, id));
        assert_eq!(all, ids(&server.get(&format!("/api/v1/{path}")).json(), list, id));
        assert_eq!(all.len(), 3);
    }
}

#[test]
fn one_alert_comes_with_its_curve_and_the_others_of_its_incident() {
    let server = Server::open();
    let detail = server.get(&format!("/api/v1/alerts/{}", AlertKey(9))).json();
    assert_eq!(keys(&detail), ["alert", "baseline", "incident"]);
    let listed = server.get("/api/v1/alerts?limit=1").json()["alerts"][0].clone();
    assert_eq!(detail["alert"], listed);
    let point = json!({ "start": "2023-11-14T22:05:00Z", "observed": 30, "expected": 2.5 });
    assert_eq!(detail["baseline"], json!([point]));
    assert_eq!(ids(&detail, "incident", "key"), [AlertKey(10).to_string()]);
    for unknown in ["a_00", &AlertKey(77).to_string(), &super::fake::issue_id(0).to_string()] {
        assert_eq!(server.get(&format!("/api/v1/alerts/{unknown}")).status, 404, "{unknown}");
    }
}

#[test]
fn an_alert_is_acknowledged_snoozed_and_resolved() {
    let (server, alert) = (Server::open(), AlertKey(9));
    let said = json!({ "by": "ann", "comment": "on it" });
    let reply = decide(&server, alert, "acknowledge", &said);
    assert_eq!((reply.status, &reply.json()["durable"]), (200, &json!(true)));
    assert_eq!(reply.json()["alert"]["key"], alert.to_string());
    assert_eq!(decide(&server, alert, "snooze", &json!({ "for": "2h" })).status, 200);
    let path = format!("POST /api/v1/alerts/{alert}/resolve");
    assert_eq!(send(&server, &path, "", "").status, 200, "nothing has to be said");
    let (by, comment) = ("ann".into(), "on it".into());
    let (nobody, nothing) = ("".into(), "".into());
    let until = EventTime::from_secs(NOW.secs() + 7200);
    assert_eq!(
        *server.alerts.decided.lock().unwrap(),
        [
            Command::Acknowledge { alert, by, comment },
            Command::Snooze { alert, until, by: "".into(), comment: "".into() },
            Command::Resolve { alert, by: nobody, comment: nothing },
        ]
    );
}

#[test]
fn what_cannot_be_decided_is_refused_with_the_reason() {
    let (server, nothing) = (Server::open(), json!({}));
    for what in ["acknowledge", "resolve"] {
        assert_eq!(decide(&server, FakeAlerts::ENDED, what, &nothing).status, 409);
        assert_eq!(decide(&server, AlertKey(77), what, &nothing).status, 404);
    }
    let unreadable = post(&server, "alerts/a_9/resolve", &nothing);
    assert_eq!(unreadable.header("content-type"), "application/problem+json");
    assert_eq!(unreadable.status, 404);
    for body in [
        json!({}),
        json!({ "for": "2 hours" }),
        json!({ "for": "2h", "until": "2023-12-01T00:00:00Z" }),
        json!({ "until": "2023-01-01T00:00:00Z" }),
        json!({ "for": "367d" }),
        json!({ "for": "2h", "bye": "ann" }),
    ] {
        let refused = decide(&server, AlertKey(9), "snooze", &body);
        assert_eq!(refused.status, 422, "{body}: {}", refused.text());
    }
    server.alerts.running.store(false, Ordering::Relaxed);
    assert_eq!(decide(&server, AlertKey(9), "resolve", &nothing).status, 503);
    assert!(server.alerts.decided.lock().unwrap().is_empty());
}

#[test]
fn a_decision_that_is_not_committed_yet_is_accepted_and_says_so() {
    let server = Server::open();
    server.alerts.durable.store(false, Ordering::Relaxed);
    for (path, body) in [
        (format!("alerts/{}/acknowledge", AlertKey(9)), json!({})),
        ("silences".to_owned(), json!({ "service": "api", "for": "1h" })),
        ("deploys".to_owned(), json!({ "version": "7" })),
        (format!("deliveries/{}/pager/resend", NoticeId(3)), json!({})),
    ] {
        let reply = post(&server, &path, &body);
        assert_eq!((reply.status, &reply.json()["durable"]), (202, &json!(false)), "{path}");
    }
}

#[test]
fn limit_what_people_write_is_cut_off_by_name() {
    let server = Server::open();
    let said = |field: &str, chars: usize| json!({ field: "ü".repeat(chars) });
    for (field, most) in [("by", BY_CHARS_MAX), ("comment", COMMENT_CHARS_MAX)] {
        let status =
            |chars| decide(&server, AlertKey(9), "acknowledge", &said(field, chars)).status;
        assert_eq!((status(most), status(most + 1)), (200, 422), "{field}");
    }
    let version = |chars| post(&server, "deploys", &said("version", chars)).status;
    assert_eq!((version(NAME_CHARS_MAX), version(NAME_CHARS_MAX + 1)), (200, 422));
}

#[test]
fn a_silence_is_added_listed_and_ended() {
    let server = Server::open();
    let new = json!({ "service": "api", "kind": "gone_quiet", "for": "2h", "comment": "moving" });
    let added = post(&server, "silences", &new);
    assert_eq!(added.status, 200, "{}", added.text());
    let silence = added.json()["silence"].clone();
    let id = silence["id"].as_str().unwrap().to_owned();
    assert!(id.len() == 18 && id.starts_with("s_"), "{id}");
    let expected = json!({
        "id": id, "service": "api", "about": null, "kind": "gone_quiet", "by": null,
        "comment": "moving", "from": "2023-11-14T22:13:20Z", "until": "2023-11-15T00:13:20Z",
    });
    assert_eq!(silence, expected);
    assert_eq!(server.get("/api/v1/silences").json(), json!({ "silences": [expected] }));
    let end = format!("DELETE /api/v1/silences/{id}");
    let ended = send(&server, &end, "", "");
    assert_eq!((ended.status, ended.json()), (200, json!({ "silence": null, "durable": true })));
    assert_eq!(send(&server, &end, "", "").status, 404);
}

#[test]
fn a_silence_says_what_it_is_about_and_until_when() {
    let server = Server::open();
    for body in [
        json!({ "for": "2h" }),
        json!({ "service": " ", "for": "2h" }),
        json!({ "service": "api" }),
        json!({ "service": "api", "until": "2023-11-14T22:13:20Z" }),
        json!({ "about": "the database", "for": "2h" }),
        json!({ "kind": "earthquake", "for": "2h" }),
    ] {
        let refused = post(&server, "silences", &body);
        assert_eq!(refused.status, 422, "{body}: {}", refused.text());
    }
    for about in [super::fake::issue_id(0).to_string(), format!("f1_{:032x}", 5)] {
        let body = json!({ "about": about, "until": "2023-11-15T00:00:00Z" });
        assert_eq!(post(&server, "silences", &body).status, 200, "{body}");
    }
    let kind = json!({ "kind": "spike", "for": "1d" });
    assert_eq!(post(&server, "silences", &kind).status, 200);
    let last = server.alerts.decided.lock().unwrap().pop();
    let Some(Command::Silence(silence)) = last else { panic!("{last:?}") };
    assert_eq!(silence.kind, Some(AlertKind::Spike));
}

#[test]
fn a_deploy_is_now_unless_it_says_when() {
    let server = Server::open();
    let added = post(&server, "deploys", &json!({ "service": "api", "version": "v7" }));
    let deploy = json!({ "service": "api", "version": "v7", "at": "2023-11-14T22:13:20Z" });
    assert_eq!((added.status, &added.json()["deploy"]), (200, &deploy));
    let earlier = json!({ "version": "v6", "at": "2023-11-14T20:00:00+01:00" });
    assert_eq!(post(&server, "deploys", &earlier).status, 200);
    let at = EventTime::from_secs(1_699_988_400);
    let told = Command::Deploy(Deploy { service: "".into(), version: "v6".into(), at });
    assert_eq!(server.alerts.decided.lock().unwrap()[1], told);
    assert_eq!(server.get("/api/v1/deploys").json()["deploys"][0], deploy);
    for body in [
        json!({ "service": "api" }),
        json!({ "version": "" }),
        json!({ "version": "v8", "at": "2024-01-01T00:00:00Z" }),
    ] {
        assert_eq!(post(&server, "deploys", &body).status, 422, "{body}");
    }
}

#[test]
fn deliveries_say_how_they_stand_and_what_was_given_up_is_sent_again() {
    let server = Server::open();
    let dead = server.get("/api/v1/deliveries?state=dead&notifier=pager").json();
    let expected = json!({
        "notice": NoticeId(3).to_string(),
        "notifier": "pager",
        "incident": AlertKey(9).to_string(),
        "number": 1,
        "transition": "fired",
        "at": "2023-11-14T22:13:20Z",
        "state": "dead",
        "settled_at": "2023-11-14T22:13:20Z",
        "reason": "connection refused",
        "service": "api",
        "alerts": [AlertKey(9).to_string()],
        "more": 0,
    });
    assert_eq!(dead["deliveries"], json!([expected]));
    assert_eq!(server.get("/api/v1/deliveries?state=lost").status, 400);
    let resend = |notice: &str, notifier: &str| {
        post(&server, &format!("deliveries/{notice}/{notifier}/resend"), &json!({}))
    };
    let sent = resend(&NoticeId(3).to_string(), "pager");
    assert_eq!((sent.status, &sent.json()["notifier"]), (200, &json!("pager")));
    assert_eq!(resend(&NoticeId(2).to_string(), "pager").status, 409);
    assert_eq!(resend(&NoticeId(3).to_string(), "mail").status, 404);
    assert_eq!(resend("n_3", "pager").status, 404);
}

#[test]
fn notifiers_say_how_they_fare() {
    let server = Server::open();
    let row = json!({
        "id": "pager", "type": "webhook", "waiting": 1, "delivered": 2, "dead": 3,
        "trouble": "connection refused",
    });
    let reply = get_from(server.address, "/api/v1/notifiers", &[]);
    assert_eq!(reply.json(), json!({ "notifiers": [row] }));
}
