//! The real binary from outside: exit codes, what `scan` and `explain` print, and inputs that
//! cannot be read. Data goes to stdout, complaints to stderr; 0 done, 1 failed, 2 usage,
//! 78 configuration.

use crate::binary::{Engine, run_to_end, seismolog};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// Returns the path of a new file in `folder`.
fn write(folder: &TempDir, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    path
}

fn run_on(verb: &[&str], path: &Path) -> Output {
    run_to_end(&[verb, &[path.to_str().unwrap()]].concat())
}

/// Returns everything that was printed.
fn printed(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes)).concat()
}

/// Returns the JSON objects on stdout, one a line; fails unless the command succeeded.
fn json_lines(output: &Output) -> Vec<Value> {
    assert!(output.status.success(), "{}", printed(output));
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Returns the audit that `scan -o jsonl` ends with, after checking that it adds up.
fn scan_audit(output: &Output) -> Value {
    let audit = json_lines(output).pop().expect("scan prints an audit")["audit"].clone();
    let number = |name: &str| audit[name].as_u64().unwrap_or_else(|| panic!("{name}: {audit}"));
    let rejected: u64 =
        audit["rejected"].as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum();
    let accounted: u64 = ["counted", "filtered", "sampled", "open"].map(number).iter().sum();
    assert_eq!(number("read"), accounted + rejected, "{audit}");
    audit
}

fn plain_lines(n: usize) -> String {
    let line = |at: usize| {
        let (minute, second) = (at / 60 % 60, at % 60);
        match at % 3 {
            0 => {
                format!("2026-03-01T10:{minute:02}:{second:02}Z ERROR shop: order {at} declined\n")
            }
            1 => format!(
                "2026-03-01T10:{minute:02}:{second:02}Z WARN shop: queue holds {at} items\n"
            ),
            _ => format!("2026-03-01T10:{minute:02}:{second:02}Z INFO shop: user {at} signed in\n"),
        }
    };
    (0..n).map(line).collect()
}

#[test]
fn an_unknown_flag_or_verb_is_a_usage_error() {
    assert_eq!(run_to_end(&["scan", "--no-such-flag"]).status.code(), Some(2));
    assert_eq!(run_to_end(&["no-such-verb"]).status.code(), Some(2));
    assert_eq!(run_to_end(&["scan"]).status.code(), Some(2));
}

#[test]
fn help_and_version_go_to_stdout() {
    let help = run_to_end(&["--help"]);
    assert!(help.status.success());
    for verb in ["run", "scan", "demo", "validate", "graph", "explain", "export"] {
        assert!(String::from_utf8_lossy(&help.stdout).contains(verb), "{verb}: {}", printed(&help));
    }
    let version = run_to_end(&["--version"]);
    assert!(String::from_utf8_lossy(&version.stdout).contains(env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_graph_file_that_a_new_user_starts_from_is_valid() {
    let starter = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/seismolog.yaml");
    let output = run_on(&["validate"], &starter);
    assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
    let drawing = run_to_end(&["graph", starter.to_str().unwrap(), "-o", "mermaid"]);
    assert!(drawing.status.success(), "{}", printed(&drawing));
    assert!(String::from_utf8_lossy(&drawing.stdout).contains("-->"), "{}", printed(&drawing));
}

#[test]
fn every_mistake_of_a_graph_file_is_reported_with_its_place() {
    let folder = TempDir::new().unwrap();
    let text = "sources:\n  app: { type: fil, include: [\"a.log\"] }\n\
                sinks:\n  store: { type: sqlite, inputs: [nowhere], path: ./a.db }\n";
    let path = write(&folder, "broken.yaml", text);
    let path = path.to_str().unwrap();
    for command in [&["validate", path][..], &["run", "-c", path], &["graph", path]] {
        let output = run_to_end(command);
        assert_eq!(output.status.code(), Some(78), "{command:?}: {}", printed(&output));
        for place in ["broken.yaml:2:", "broken.yaml:4:"] {
            assert!(printed(&output).contains(place), "{command:?}, {place}: {}", printed(&output));
        }
    }
    assert!(
        !folder.path().join("a.db").exists(),
        "a refused graph file must leave no store behind"
    );
}

#[test]
fn text_that_is_no_yaml_is_a_configuration_error_with_its_place() {
    let folder = TempDir::new().unwrap();
    let path = write(&folder, "torn.yaml", "sources:\n  app: { type: file\n");
    let output = run_on(&["validate"], &path);
    assert_eq!(output.status.code(), Some(78), "{}", printed(&output));
    assert!(printed(&output).contains("torn.yaml:"), "{}", printed(&output));
}

#[test]
fn scan_says_one_line_of_its_speed_where_there_is_no_terminal() {
    let folder = TempDir::new().unwrap();
    let path = write(&folder, "app.log", plain_lines(300));
    let said = String::from_utf8(run_on(&["scan"], &path).stderr).unwrap();
    assert!(said.starts_with("300 lines in ") && said.ends_with(" lines/s\n"), "{said:?}");
    assert_eq!(said.lines().count(), 1, "{said:?}");
    assert!(!said.contains(['\r', '\u{1b}']), "{said:?}");
}

#[test]
fn scan_accounts_for_every_line() {
    let folder = TempDir::new().unwrap();
    let path = write(&folder, "app.log", plain_lines(3000) + "\n   \n");
    let output = run_on(&["scan", "-o", "jsonl"], &path);
    let audit = scan_audit(&output);
    assert_eq!(audit["lines_read"].as_u64().unwrap(), 3002, "{audit}");
    assert_eq!(audit["lines_blank"], 2, "{audit}");
    assert_eq!(audit["counted"], 3000, "{audit}");
    let mut issues = json_lines(&output);
    issues.pop();
    let counts: Vec<u64> = issues.iter().map(|issue| issue["count"].as_u64().unwrap()).collect();
    assert_eq!(counts, [1000, 1000, 1000], "{issues:?}");
    for field in ["issue", "fingerprints", "template", "severity", "first_seen", "last_seen"] {
        assert!(issues.iter().all(|issue| !issue[field].is_null()), "{field}: {issues:?}");
    }
}

#[test]
fn scan_as_json_is_json() {
    let folder = TempDir::new().unwrap();
    let path = write(&folder, "app.log", plain_lines(30));
    let output = run_on(&["scan", "-o", "json"], &path);
    assert!(output.status.success(), "{}", printed(&output));
    let values = serde_json::Deserializer::from_slice(&output.stdout).into_iter::<Value>();
    assert!(values.map(Result::unwrap).count() > 0);
    assert!(printed(&output).contains("\"audit\""), "{}", printed(&output));
}

#[test]
fn scan_reads_standard_input() {
    let mut command = seismolog(&["scan", "-", "-o", "jsonl"]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(plain_lines(300).as_bytes()).unwrap();
    assert_eq!(scan_audit(&child.wait_with_output().unwrap())["counted"], 300);
}

#[test]
fn scan_survives_hostile_bytes_and_counts_them() {
    let folder = TempDir::new().unwrap();
    let mut bytes =
        b"\xef\xbb\xbf2026-03-01T10:00:00Z ERROR first line after a byte order mark\r\n".to_vec();
    bytes.extend_from_slice(b"2026-03-01T10:00:01Z ERROR invalid \xff\xfe bytes\n");
    bytes.extend_from_slice(b"2026-03-01T10:00:02Z ERROR nul \0 inside\n");
    bytes.extend_from_slice(b"\x1b[31m2026-03-01T10:00:03Z ERROR coloured\x1b[0m\n");
    bytes.extend_from_slice(b"2026-03-01T10:00:04Z ERROR last line without an end");
    let audit = scan_audit(&run_on(&["scan", "-o", "jsonl"], &write(&folder, "a.log", bytes)));
    assert_eq!(audit["lines_read"], 5, "{audit}");
    assert_eq!(audit["read"], 5, "{audit}");
}

#[test]
fn scan_cuts_a_line_without_end_and_counts_the_others() {
    let folder = TempDir::new().unwrap();
    let mut text = plain_lines(3);
    text.push_str(&"x".repeat(20 * 1024 * 1024));
    text.push('\n');
    text.push_str(&plain_lines(3));
    let audit = scan_audit(&run_on(&["scan", "-o", "jsonl"], &write(&folder, "a.log", text)));
    assert_eq!(audit["lines_read"], 7, "{audit}");
    assert_eq!(audit["read"], 7, "{audit}");
}

#[test]
fn scan_refuses_what_it_cannot_read_and_names_it() {
    let folder = TempDir::new().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let directory = folder.path().join("folder");
    std::fs::create_dir(&directory).unwrap();
    for path in [folder.path().join("missing.log"), directory, pipe] {
        let output = run_on(&["scan"], &path);
        assert_eq!(output.status.code(), Some(1), "{}: {}", path.display(), printed(&output));
        let name = path.file_name().unwrap().to_str().unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(complaint.contains(name), "the message must name {name:?}: {complaint}");
    }
}

#[test]
fn scan_of_an_unreadable_file_says_so() {
    use std::os::unix::fs::PermissionsExt;
    let folder = TempDir::new().unwrap();
    let path = write(&folder, "secret.log", plain_lines(3));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
    // The superuser can read everything; then the file is an ordinary one.
    let expected = if std::fs::File::open(&path).is_ok() { 0 } else { 1 };
    let output = run_on(&["scan"], &path);
    assert_eq!(output.status.code(), Some(expected), "{}", printed(&output));
}

#[test]
fn explain_each_gives_one_object_per_event_with_its_lines() {
    let folder = TempDir::new().unwrap();
    let path = write(&folder, "app.log", plain_lines(9));
    let events =
        json_lines(&run_to_end(&["explain", "--each", path.to_str().unwrap(), "-o", "jsonl"]));
    assert_eq!(events.len(), 9);
    for (at, event) in events.iter().enumerate() {
        assert_eq!(event["lines"], serde_json::json!([at + 1]), "{event}");
        assert!(event["fingerprint"].as_str().unwrap().starts_with("f1_"), "{event}");
        assert!(
            event["template"].as_str().unwrap().contains('<'),
            "a number is a variable: {event}"
        );
        assert_eq!(event["template_id"], events[at % 3]["template_id"], "{event}");
    }
    assert_eq!(events[0]["severity"], "error");
    assert_eq!(events[0]["time"], "2026-03-01T10:00:00Z");
}

#[test]
fn explain_names_the_fingerprints_that_the_engine_counts() {
    let records = [
        "Traceback (most recent call last):\n  File \"/app/pay.py\", line 3, in pay\n    go()\n\
         ValueError: amount 3",
        "2026-03-01 10:00:00,123 ERROR [w-1] shop.Pay - charge 7 failed\n\
         java.lang.IllegalStateException: pool closed\n\
         \tat com.shop.pay.Pool.take(Pool.java:12)\n\
         Caused by: java.net.SocketTimeoutException: read timed out\n\
         \tat com.shop.net.Client.get(Client.java:77)\n\
         \t... 2 more",
        "2026-03-01 10:00:01,123 ERROR java.io.IOException: disk of 10.0.0.7 is full",
        "2026-03-01 10:00:02,123 WARN [main] shop.Start - order 12 waits",
        "{\"time\":\"2026-03-01T10:00:03Z\",\"level\":\"error\",\"msg\":\"no\",\
         \"error.type\":\"KeyError\",\"error.stack_trace\":\"File \\\"/app/cart.py\\\", line 7, in add\"}",
        "{\"level\":\"error\",\"msg\":\"asked\",\"fingerprint\":\"my own\"}",
    ];
    let folder = TempDir::new().unwrap();
    let path = write(&folder, "app.log", records.join("\n") + "\n");
    let each = run_to_end(&["explain", "--each", path.to_str().unwrap(), "-o", "jsonl"]);
    let explained = json_lines(&each);
    assert_eq!(explained.len(), records.len(), "{}", printed(&each));
    let explained: BTreeSet<String> =
        explained.iter().map(|event| event["fingerprint"].as_str().unwrap().to_owned()).collect();
    let issues = json_lines(&run_on(&["scan", "-o", "jsonl"], &path));
    let counted = issues.iter().filter_map(|issue| issue["fingerprints"].as_array()).flatten();
    let counted: BTreeSet<String> = counted.map(|id| id.as_str().unwrap().to_owned()).collect();
    assert_eq!(explained, counted);
}

const RULES: &str = "sources:
  app: { type: stdin }
operators:
  events: { type: parse, inputs: [app] }
  ways:
    type: route
    inputs: [events]
    routes: [{ when: { min_severity: error }, output: errors }]
  prints:
    type: fingerprint
    inputs: [ways, ways.errors]
    rules:
      - { pattern: 'error code \\d+', keep: true }
      - { pattern: 'tenant-\\w+', mask: tenant }
      - { pattern: 'payment (\\w+) refused', fingerprint: 'payment-{1}' }
  counts: { type: window, inputs: [prints] }
  patterns: { type: pattern, inputs: [prints] }
  issues: { type: issue, inputs: [patterns] }
sinks:
  store: { type: sqlite, path: ./a.db, inputs: [counts, issues] }
";

#[test]
fn explain_tells_what_the_rules_of_the_graph_do() {
    let folder = TempDir::new().unwrap();
    let graph = write(&folder, "graph.yaml", RULES);
    let graph = graph.to_str().unwrap();
    let explain = |line: &str| {
        json_lines(&run_to_end(&["explain", "-c", graph, "-o", "jsonl", line])).remove(0)
    };
    let found = explain("ERROR order 7 failed: error code 42 of tenant-a1");
    assert_eq!(found["template"], "order <num> failed: error code 42 of <tenant>");
    assert_eq!(found["rules"][0]["action"], "keep");
    assert_eq!(found["rules"][0]["text"], "error code 42");
    assert_eq!((&found["rules"][1]["rule"], &found["rules"][1]["start"]), (&2.into(), &33.into()));
    assert_eq!(explain("ERROR payment x refused")["rules"][0]["becomes"], "payment-x");
    let told = printed(&run_to_end(&["explain", "-c", graph, "ERROR error code 7"]));
    assert!(told.contains("rule 1       keep \"error code 7\""), "{told}");

    // Codes are kept apart in patterns too; tenants are not.
    let lines: String =
        (0..40).map(|n| format!("ERROR error code {} of tenant-{n}\n", n % 20)).collect();
    let path = write(&folder, "app.log", lines);
    let path = path.to_str().unwrap();
    let events = json_lines(&run_to_end(&["explain", "-c", graph, "--each", path]));
    let patterns: BTreeSet<&str> =
        events.iter().map(|event| event["pattern"].as_str().unwrap()).collect();
    assert_eq!(patterns.len(), 20, "{patterns:?}");
    assert!(patterns.contains("error code 7 of <tenant>"), "{patterns:?}");
    let drawn = printed(&run_to_end(&["graph", graph, "-o", "mermaid"]));
    assert!(drawn.contains("events: errors"), "{drawn}");
}

#[test]
fn a_broken_rule_is_reported_with_its_place() {
    let folder = TempDir::new().unwrap();
    let broken = RULES.replace("tenant-\\w+", "tenant-(").replace("payment-{1}", "payment-{2}");
    let graph = write(&folder, "graph.yaml", broken);
    let output = run_on(&["validate"], &graph);
    assert_eq!(output.status.code(), Some(78), "{}", printed(&output));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    for part in ["graph.yaml:14:20", "unclosed group", "graph.yaml:15:", "no group \"2\""] {
        assert!(told.contains(part), "{part}: {told}");
    }
}

#[test]
fn events_that_go_different_ways_are_each_counted_once() {
    let home = TempDir::new().unwrap();
    let lines = recent_lines(200);
    let mixed = lines.lines().enumerate().map(|(at, line)| match at % 2 {
        0 => format!("{line}\n"),
        _ => line.replace("ERROR", "INFO") + "\n",
    });
    write(&home, "app.log", mixed.collect::<String>());
    let text = RULES
        .replace("{ type: stdin }", "{ type: file, include: [\"./app.log\"] }")
        .replace("sinks:", "server: { listen: \"127.0.0.1:0\" }\nsinks:");
    let mut engine = Engine::start(&write(&home, "graph.yaml", text));
    let address = engine.ready();
    let audit = address.await_counted(200, &engine);
    audit.assert_balanced();
    assert_eq!(audit.number("counted"), 200);
}

#[test]
fn explain_each_content_takes_lines_as_bare_messages() {
    let folder = TempDir::new().unwrap();
    let path = write(&folder, "messages.txt", "connection 17 refused\nconnection 99 refused\n");
    let path = path.to_str().unwrap();
    let events = json_lines(&run_to_end(&["explain", "--each", path, "--content", "-o", "jsonl"]));
    assert_eq!(events.len(), 2);
    assert_eq!(events[0]["fingerprint"], events[1]["fingerprint"]);
    assert!(events[0]["template"].as_str().unwrap().starts_with("connection <"), "{}", events[0]);
}

#[test]
fn a_source_reads_its_files_whatever_else_lies_beside_them() {
    let (home, folder) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    std::fs::create_dir(folder.path().join("folder.log")).unwrap();
    let pipe = folder.path().join("pipe.log");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    std::os::unix::fs::symlink("nowhere", folder.path().join("dangling.log")).unwrap();
    std::os::unix::fs::symlink("loop.log", folder.path().join("loop.log")).unwrap();
    write(&folder, "empty.log", "");
    write(&folder, "good.log", recent_lines(200));
    let include = folder.path().join("*.log");
    let text = format!(
        "sources:\n  app: {{ type: file, include: [{include:?}] }}\n\
         sinks:\n  store: {{ type: sqlite, path: ./a.db }}\n\
         server: {{ listen: \"127.0.0.1:0\" }}\n"
    );
    let mut engine = Engine::start(&write(&home, "graph.yaml", text));
    let address = engine.ready();
    let audit = address.await_counted(200, &engine);
    audit.assert_balanced();
    assert_eq!(audit.number("counted"), 200);
    assert_eq!(address.get("/livez").as_deref(), Some("ok"));
    assert!(address.get("/metrics").unwrap().contains("seismolog_"));
    assert!(address.get("/api/v1/no-such-route").is_none(), "an unknown route is a problem");
    assert_eq!(engine.terminate().0.code(), Some(0));
}

#[test]
fn an_engine_starts_without_any_file_to_read() {
    let folder = TempDir::new().unwrap();
    let text = "sources:\n  app: { type: file, include: [\"none/*.log\"] }\n\
                sinks:\n  store: { type: sqlite, path: ./a.db }\n\
                server: { listen: \"127.0.0.1:0\" }\n";
    let mut engine = Engine::start(&write(&folder, "graph.yaml", text));
    let address = engine.ready();
    assert_eq!(address.await_counted(0, &engine).number("read"), 0);
    assert_eq!(engine.terminate().0.code(), Some(0));
}

/// Returns lines of the last minutes, so that no retention limit is near.
fn recent_lines(n: usize) -> String {
    let start = jiff::Timestamp::now() - jiff::SignedDuration::from_mins(30);
    let line = |at: usize| {
        let time = start + jiff::SignedDuration::from_secs(at as i64);
        format!("{time:.3} ERROR shop: order {at} declined\n")
    };
    (0..n).map(line).collect()
}

#[test]
fn the_committed_schema_of_the_graph_file_is_the_codes() {
    let output = run_to_end(&["schema"]);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference/graph.schema.json");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &output.stdout).unwrap();
    }
    let committed = std::fs::read(&path).unwrap();
    assert!(committed == output.stdout, "stale: UPDATE=1 cargo test --test main schema");
}

#[test]
fn the_starter_graph_file_is_right_and_draws_in_every_form() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/seismolog.yaml");
    let output = run_on(&["validate"], &path);
    assert!(output.status.success(), "{}", printed(&output));
    for form in ["text", "mermaid", "dot", "json"] {
        let output = run_on(&["graph", "-o", form], &path);
        assert!(output.status.success() && !output.stdout.is_empty(), "{}", printed(&output));
    }
}
