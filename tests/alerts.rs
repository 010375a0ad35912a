//! What people decide about alerts, through the real binary: silences and deploys outlive a kill, and an alert of a
//! burst is acknowledged, told about, and resolved.

use crate::binary::{Address, Engine, await_some, run_to_end};
use serde_json::Value;
use std::fmt::Write;
use std::time::{SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

/// How long the burst's past is: long enough to know what is usual.
const PAST_SECS: u64 = 2 * 86_400;

/// A folder with a graph whose notifier `nobody` cannot deliver to a closed port.
fn site(log: &str) -> TempDir {
    let home = TempDir::new().unwrap();
    let text = "sources: { app: { type: file, include: [\"./app.log\"], service: shop } }\n\
         sinks:\n\
         \u{20} store: { type: sqlite, path: ./store.db }\n\
         \u{20} nobody: { type: webhook, url: \"http://127.0.0.1:9/\", allow_private: true }\n\
         server: { listen: \"127.0.0.1:0\" }\n\
         model: { enabled: false }\n";
    std::fs::write(home.path().join("graph.yaml"), text).unwrap();
    std::fs::write(home.path().join("app.log"), log).unwrap();
    home
}

fn start(home: &TempDir) -> (Engine, Address) {
    let mut engine = Engine::start(&home.path().join("graph.yaml"));
    let address = engine.ready();
    (engine, address)
}

/// Runs a verb against the engine; returns what it printed, or what it complained of.
fn ask(address: &Address, arguments: &[&str]) -> Result<String, String> {
    let mut all = arguments.to_vec();
    all.extend(["--address", address.host()]);
    let output = run_to_end(&all);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

/// Returns what a verb prints as JSON.
fn json(address: &Address, arguments: &[&str]) -> Value {
    let mut all = arguments.to_vec();
    all.extend(["-o", "json"]);
    serde_json::from_str(&ask(address, &all).unwrap()).unwrap()
}

/// Two days with two errors in every other bucket, then sixty within a minute, up to now.
fn burst() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let mut log = String::new();
    let mut line = |secs: u64| {
        let time = engine::model::EventTime::from_secs(secs as i64);
        writeln!(log, "{time} ERROR connection to db refused").unwrap();
    };
    for secs in (now - PAST_SECS..now - 600).step_by(600) {
        line(secs);
        line(secs + 20);
    }
    (now - 60..now).for_each(&mut line);
    log
}

#[test]
fn silences_and_deploys_outlive_a_kill() {
    let home = site("");
    let (engine, address) = start(&home);
    let add = ["silences", "add", "--service", "shop", "--for", "2h", "--comment", "moving"];
    let added = ask(&address, &add).unwrap();
    assert!(added.starts_with("silence `s_"), "{added}");
    ask(&address, &["deploys", "add", "--service", "shop", "--version", "v7"]).unwrap();
    engine.kill();

    let (_engine, address) = start(&home);
    let silences = json(&address, &["silences", "list"]);
    let silence = &silences["silences"][0];
    assert_eq!((&silence["service"], &silence["comment"]), (&"shop".into(), &"moving".into()));
    assert_eq!(json(&address, &["deploys", "list"])["deploys"][0]["version"], "v7");
    let id = silence["id"].as_str().unwrap();
    ask(&address, &["silences", "end", id]).unwrap();
    assert_eq!(json(&address, &["silences", "list"])["silences"], Value::Array(Vec::new()));
    assert!(ask(&address, &["silences", "end", id]).unwrap_err().contains("there is no silence"));
    let refused = ask(&address, &["silences", "add", "--service", "shop", "--for", "400d"]);
    assert!(refused.unwrap_err().contains("366 days"));
    let unknown = format!("a_{:032x}", 7);
    assert!(ask(&address, &["alerts", "show", &unknown]).unwrap_err().contains("no alert"));
}

#[test]
fn the_alert_of_a_burst_is_acknowledged_told_and_resolved() {
    let home = site(&burst());
    let (_engine, address) = start(&home);
    let alert = await_some("an alert", || {
        let open = json(&address, &["alerts", "list", "--open", "--service", "shop"]);
        open["alerts"].as_array().unwrap().first().cloned()
    });
    assert_eq!(alert["kind"], "spike", "{alert}");
    let key = alert["key"].as_str().unwrap();
    let shown = ask(&address, &["alerts", "show", key]).unwrap();
    assert!(shown.contains("were expected. By chance"), "{shown}");

    let acknowledged = ["alerts", "acknowledge", key, "--by", "ann", "--comment", "on it"];
    assert_eq!(ask(&address, &acknowledged).unwrap(), format!("alert `{key}` is acknowledged\n"));
    let detail = json(&address, &["alerts", "show", key]);
    assert_eq!(detail["alert"]["by"], "ann", "{detail}");
    assert!(!detail["baseline"].as_array().unwrap().is_empty());

    let failing = await_some("the notifier's trouble", || {
        let ready: Value = serde_json::from_str(&address.get("/readyz")?).unwrap();
        let degraded = ready["degraded"].as_array().unwrap().clone();
        degraded.into_iter().find(|sentence| sentence.as_str().unwrap().contains("`nobody`"))
    });
    assert!(failing.as_str().unwrap().contains("does not deliver"), "{failing}");
    let queued = json(&address, &["deliveries", "list", "--state", "queued"]);
    let delivery = &queued["deliveries"][0];
    assert_eq!(delivery["notifier"], "nobody", "{queued}");
    let notice = delivery["notice"].as_str().unwrap();
    let early = ask(&address, &["deliveries", "resend", notice, "nobody"]).unwrap_err();
    assert!(early.contains("waits already"), "{early}");
    let metrics = address.get("/metrics").unwrap();
    assert!(metrics.contains("seismolog_notices_waiting{notifier=\"nobody\"}"), "{metrics}");

    ask(&address, &["alerts", "resolve", key]).unwrap();
    let over = ask(&address, &["alerts", "snooze", key, "--for", "2h"]).unwrap_err();
    assert!(over.contains("it is resolved"), "{over}");
}
