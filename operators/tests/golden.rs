//! Golden corpora: one folder per format with the lines of a log and, in `expected.txt`, all that is
//! found in each, down to its ids. Family `golden_`: `UPDATE=1` rewrites what is expected. An id that
//! changed is refused even then, unless the version of the algorithm changed with it or
//! `SEISMOLOG_NEW_IDS=1` says that no such id was ever given out.
#![allow(clippy::disallowed_methods, reason = "a test reads its corpora and how it is to run")]

use engine::model::{EventTime, FINGERPRINT_VERSION};
use operators::fingerprint::explain as identify;
use operators::parse::{Explanation, Format, explain};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// 2024-05-17T12:00:00Z.
const RECEIVED: EventTime = EventTime::from_secs(1_715_947_200);
/// What begins the line with the ids of an entry.
const IDS: &str = "  ids      ";

fn corpora() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut folders: Vec<PathBuf> =
        std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    folders
}

fn wanted(variable: &str) -> bool {
    std::env::var(variable).is_ok_and(|value| value == "1")
}

/// Renders all that is found in the lines of a corpus.
fn rendered(lines: &str) -> String {
    let mut out = format!("fingerprint version {FINGERPRINT_VERSION}\n");
    for line in lines.lines() {
        let found = explain(Format::Auto, "UTC", RECEIVED, line.as_bytes());
        writeln!(out, "\n{line}").unwrap();
        entry(&mut out, &found);
    }
    out
}

fn entry(out: &mut String, found: &Explanation) {
    let layout = found.layout.unwrap_or("mismatch");
    let time = found.time.map_or("-".to_owned(), |time| time.to_string());
    let partial = if found.partial { " partial" } else { "" };
    let rejected = found.rejected.map_or(String::new(), |r| format!(" rejected: {}", r.as_str()));
    writeln!(out, "  found    {layout} {time} {}{partial}{rejected}", found.severity).unwrap();
    for (name, text) in [
        ("service", &found.service),
        ("host", &found.host),
        ("process", &found.process),
        ("thread", &found.thread),
        ("logger", &found.logger),
        ("stream", &found.stream),
        ("message", &found.message),
        ("type", &found.exception_type),
        ("because", &found.exception_message),
        ("stack", &found.stack),
        ("named", &found.fingerprint),
    ] {
        if !text.is_empty() {
            writeln!(out, "  {name:8} {}", text.escape_debug()).unwrap();
        }
    }
    let class = found.severity.class();
    let identity = identify(found.message.as_bytes(), found.service.as_bytes(), class);
    writeln!(out, "  template {}", identity.text.escape_debug()).unwrap();
    writeln!(out, "{IDS}{} {}", identity.template, identity.fingerprint).unwrap();
}

/// Returns the ids of every line of a rendered corpus, and the version they were made with.
fn ids(rendered: &str) -> (&str, BTreeMap<&str, &str>) {
    let version = rendered.lines().next().unwrap_or_default();
    let entries = rendered.split("\n\n").skip(1);
    let of = |entry: &'_ str| -> Option<(usize, usize, usize)> {
        let line = entry.find('\n')?;
        let ids = entry.find(IDS)? + IDS.len();
        Some((line, ids, entry[ids..].find('\n').map_or(entry.len(), |end| ids + end)))
    };
    let ids = entries.filter_map(|entry| {
        let (line, start, end) = of(entry)?;
        Some((&entry[..line], &entry[start..end]))
    });
    (version, ids.collect())
}

/// Returns the first line whose id is another than `expected` says, under the same version.
fn changed_id<'t>(expected: &str, found: &'t str) -> Option<&'t str> {
    let ((version, old), (new_version, new)) = (ids(expected), ids(found));
    if version != new_version {
        return None;
    }
    new.into_iter().find(|(line, id)| old.get(line).is_some_and(|old| old != id)).map(|new| new.0)
}

#[test]
fn golden_corpora_are_read_as_expected() {
    let mut wrong = Vec::new();
    let corpora = corpora();
    assert!(corpora.len() >= 30, "corpora are missing");
    for folder in corpora {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let lines = std::fs::read_to_string(folder.join("lines.log")).unwrap();
        let expected = std::fs::read_to_string(folder.join("expected.txt")).unwrap_or_default();
        let found = rendered(&lines);
        if found == expected {
            continue;
        }
        match changed_id(&expected, &found) {
            Some(line) if !wanted("SEISMOLOG_NEW_IDS") => {
                wrong.push(format!("{name}: the id of {line:?} changed, its version did not"));
            }
            _ if wanted("UPDATE") => {
                std::fs::write(folder.join("expected.txt"), found).unwrap();
            }
            _ => wrong.push(format!("{name}: {}", first_difference(&expected, &found))),
        }
    }
    assert!(wrong.is_empty(), "{}\nUPDATE=1 rewrites what is expected", wrong.join("\n"));
}

fn first_difference(expected: &str, found: &str) -> String {
    let mut line = "";
    for (want, found) in expected.lines().chain(std::iter::repeat("")).zip(found.lines()) {
        if want != found {
            return format!("{line:?}\n  want  {want}\n  found {found}");
        }
        if !found.starts_with("  ") {
            line = found;
        }
    }
    "lines are missing".to_owned()
}

#[test]
fn golden_ids_may_change_only_with_their_version() {
    let with = |version: u8, id: &str| {
        format!("fingerprint version {version}\n\nsome words\n  message  some words\n{IDS}{id}\n")
    };
    assert_eq!(changed_id(&with(1, "t_1 f_1"), &with(1, "t_1 f_1")), None);
    assert_eq!(changed_id(&with(1, "t_1 f_1"), &with(1, "t_1 f_2")), Some("some words"));
    assert_eq!(changed_id(&with(1, "t_1 f_1"), &with(2, "t_2 f_2")), None);
    assert_eq!(changed_id("", &with(1, "t_1 f_1")), None);
}
