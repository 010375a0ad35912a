//! The verbs `alerts`, `silences`, `deploys` and `deliveries`: ask a running engine, and tell it what people decide.

use crate::ask::{ask, encoded, with_query};
use crate::cli::alerts::{
    AlertChange, AlertsList, AlertsVerb, Asked, DeliveriesVerb, DeploysVerb, Holds, Said,
    SilenceArgs, SilencesVerb, TableOutput,
};
use crate::failure::Failure;
use serde_json::{Map, Value as Json, json};

const ALERTS: &str = "/api/v1/alerts";
const SILENCES: &str = "/api/v1/silences";
const DEPLOYS: &str = "/api/v1/deploys";
const DELIVERIES: &str = "/api/v1/deliveries";
const NOTIFIERS: &str = "/api/v1/notifiers";
/// Said on standard error when the engine has heard of a decision and the store has not.
const NOT_DURABLE: &str =
    "the store has not taken that yet; it holds from now on, and over a restart once it has";

/// The verb `alerts`.
pub fn alerts(verb: AlertsVerb) -> Result<(), Failure> {
    match verb {
        AlertsVerb::List(AlertsList { open, service, issue, limit, asked }) => {
            let parameters = [
                ("open", open.then(|| "true".to_owned())),
                ("service", service),
                ("issue", issue),
                ("limit", Some(limit.to_string())),
            ];
            let columns = [
                "key",
                "state",
                "kind",
                "service",
                "start",
                "peak.observed",
                "peak.expected",
                "template",
            ];
            list(&asked, &with_query(ALERTS, &parameters), "alerts", &columns)
        }
        AlertsVerb::Show { key, asked } => show(&key, &asked),
        AlertsVerb::Acknowledge(change) => decide(&change, "acknowledge", Map::new()),
        AlertsVerb::Snooze { change, holds } => {
            let mut body = Map::new();
            hold(&mut body, holds);
            decide(&change, "snooze", body)
        }
        AlertsVerb::Resolve(change) => decide(&change, "resolve", Map::new()),
    }
}

/// The verb `silences`.
pub fn silences(verb: SilencesVerb) -> Result<(), Failure> {
    match verb {
        SilencesVerb::List(asked) => {
            let columns = ["id", "until", "service", "about", "kind", "by", "comment"];
            list(&asked, SILENCES, "silences", &columns)
        }
        SilencesVerb::Add(SilenceArgs { service, about, kind, holds, said, asked }) => {
            let mut body = Map::new();
            put(&mut body, "service", service);
            put(&mut body, "about", about);
            put(&mut body, "kind", kind);
            hold(&mut body, holds);
            say(&mut body, &said);
            let answer = ask(&asked.engine, "POST", SILENCES, Some(&Json::Object(body)))?;
            let silence = &answer["silence"];
            let done =
                format!("silence `{}` holds until {}", cell(silence, "id"), cell(silence, "until"));
            changed(&asked, &answer, &done)
        }
        SilencesVerb::End { id, asked } => {
            let path = format!("{SILENCES}/{}", encoded(&id));
            let answer = ask(&asked.engine, "DELETE", &path, None)?;
            changed(&asked, &answer, &format!("silence `{id}` has ended"))
        }
    }
}

/// The verb `deploys`.
pub fn deploys(verb: DeploysVerb) -> Result<(), Failure> {
    match verb {
        DeploysVerb::List(asked) => list(&asked, DEPLOYS, "deploys", &["at", "service", "version"]),
        DeploysVerb::Add { service, version, at, asked } => {
            let mut body = Map::new();
            put(&mut body, "service", service);
            put(&mut body, "version", Some(version));
            put(&mut body, "at", at);
            let answer = ask(&asked.engine, "POST", DEPLOYS, Some(&Json::Object(body)))?;
            let deploy = &answer["deploy"];
            let done = format!("deploy of {} at {}", cell(deploy, "version"), cell(deploy, "at"));
            changed(&asked, &answer, &done)
        }
    }
}

/// The verb `deliveries`.
pub fn deliveries(verb: DeliveriesVerb) -> Result<(), Failure> {
    match verb {
        DeliveriesVerb::List { state, notifier, limit, asked } => {
            let parameters =
                [("state", state), ("notifier", notifier), ("limit", Some(limit.to_string()))];
            let columns = [
                "notice",
                "notifier",
                "state",
                "transition",
                "at",
                "service",
                "incident",
                "reason",
            ];
            list(&asked, &with_query(DELIVERIES, &parameters), "deliveries", &columns)
        }
        DeliveriesVerb::Resend { notice, notifier, asked } => {
            let path = format!("{DELIVERIES}/{}/{}/resend", encoded(&notice), encoded(&notifier));
            let answer = ask(&asked.engine, "POST", &path, Some(&json!({})))?;
            changed(&asked, &answer, &format!("notice `{notice}` waits for `{notifier}` again"))
        }
        DeliveriesVerb::Notifiers(asked) => {
            let columns = ["id", "type", "waiting", "delivered", "dead", "trouble"];
            list(&asked, NOTIFIERS, "notifiers", &columns)
        }
    }
}

fn decide(change: &AlertChange, what: &str, mut body: Map<String, Json>) -> Result<(), Failure> {
    let AlertChange { key, said, asked } = change;
    say(&mut body, said);
    let path = format!("{ALERTS}/{}/{what}", encoded(key));
    let answer = ask(&asked.engine, "POST", &path, Some(&Json::Object(body)))?;
    let done = match &answer["alert"] {
        Json::Null => "the engine has heard of it".to_owned(),
        alert => format!("alert `{key}` is {}", cell(alert, "state")),
    };
    changed(asked, &answer, &done)
}

fn show(key: &str, asked: &Asked) -> Result<(), Failure> {
    let answer = ask(&asked.engine, "GET", &format!("{ALERTS}/{}", encoded(key)), None)?;
    if asked.output == TableOutput::Json {
        println!("{answer}");
        return Ok(());
    }
    let alert = &answer["alert"];
    for name in [
        "key",
        "state",
        "kind",
        "level",
        "service",
        "issue",
        "template",
        "severity",
        "incident",
        "start",
        "end",
        "observed",
        "peak.observed",
        "peak.expected",
        "fired_at",
        "changed_at",
        "until",
        "by",
        "comment",
        "silence",
        "deploy.version",
        "deploy.at",
    ] {
        let value = cell(alert, name);
        if value != NOTHING {
            println!("{name:15} {value}");
        }
    }
    println!("\n{}", cell(alert, "explanation.sentence"));
    let baseline = answer["baseline"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !baseline.is_empty() {
        println!();
        print!("{}", table(baseline, &["start", "observed", "expected"]));
    }
    let others = answer["incident"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !others.is_empty() {
        println!("\nBegan with it:");
        print!("{}", table(others, &["key", "state", "kind", "template"]));
    }
    Ok(())
}

fn list(asked: &Asked, path: &str, rows: &str, columns: &[&str]) -> Result<(), Failure> {
    let answer = ask(&asked.engine, "GET", path, None)?;
    match asked.output {
        TableOutput::Json => println!("{answer}"),
        TableOutput::Table => {
            let rows = answer[rows].as_array().map(Vec::as_slice).unwrap_or_default();
            print!("{}", table(rows, columns));
            if answer["next"].is_string() {
                eprintln!("there are more; --limit shows them");
            }
        }
    }
    Ok(())
}

fn changed(asked: &Asked, answer: &Json, done: &str) -> Result<(), Failure> {
    match asked.output {
        TableOutput::Json => println!("{answer}"),
        TableOutput::Table => println!("{done}"),
    }
    if answer["durable"] != json!(true) {
        eprintln!("{NOT_DURABLE}");
    }
    Ok(())
}

fn put(body: &mut Map<String, Json>, name: &str, value: Option<String>) {
    if let Some(value) = value {
        body.insert(name.to_owned(), Json::String(value));
    }
}

fn hold(body: &mut Map<String, Json>, holds: Holds) {
    put(body, "for", holds.lasts);
    put(body, "until", holds.until);
}

fn say(body: &mut Map<String, Json>, said: &Said) {
    put(body, "by", said.by.clone());
    put(body, "comment", said.comment.clone());
}

/// What stands in an empty cell.
const NOTHING: &str = "-";

/// Returns a value of a row as it is printed; `.` leads into it.
fn cell(row: &Json, name: &str) -> String {
    match name.split('.').fold(row, |value, part| &value[part]) {
        Json::Null => NOTHING.to_owned(),
        Json::String(text) if text.trim().is_empty() => NOTHING.to_owned(),
        Json::String(text) => text.split_whitespace().collect::<Vec<_>>().join(" "),
        value => value.to_string(),
    }
}

/// Returns rows under the names of their columns; the last column is as long as it is.
fn table(rows: &[Json], columns: &[&str]) -> String {
    let heads = columns.iter().map(|name| name.rsplit('.').next().unwrap_or(name).to_uppercase());
    let lines: Vec<Vec<String>> = std::iter::once(heads.collect())
        .chain(rows.iter().map(|row| columns.iter().map(|name| cell(row, name)).collect()))
        .collect();
    let width = |at: usize| {
        lines.iter().map(|line: &Vec<String>| line[at].chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let mut text = String::new();
    for line in &lines {
        let cells = line.iter().zip(&widths).map(|(cell, &width)| format!("{cell:width$}"));
        text += cells.collect::<Vec<_>>().join("  ").trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_heads_and_a_sign_for_nothing() {
        let rows = [
            json!({ "key": "a_1", "peak": { "observed": 120 }, "comment": "two\n lines" }),
            json!({ "key": "a_20", "peak": { "observed": 7 }, "comment": null }),
        ];
        let expected = "KEY   OBSERVED  COMMENT\na_1   120       two lines\na_20  7         -\n";
        assert_eq!(table(&rows, &["key", "peak.observed", "comment"]), expected);
        assert_eq!(table(&[], &["id"]), "ID\n");
    }
}
