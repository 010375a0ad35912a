//! Lines of the kinds that machines write: supercomputers, phones, login daemons, clouds, services
//! on a virtual machine, desktops. `golden_`: each block of `families.txt` is one pattern, with the
//! text in its first line, and no two blocks share one. All lines are invented.

use operators::pattern::{Patterns, text_of};
use operators::skeleton::skeleton;
use std::collections::BTreeMap;

const FAMILIES: &str = include_str!("families.txt");

fn words_of(line: &str) -> String {
    String::from_utf8(skeleton(line.as_bytes())).unwrap()
}

#[test]
fn golden_lines_of_many_systems_fall_into_their_families() {
    let all: Vec<String> =
        FAMILIES.lines().filter(|line| !line.starts_with("# ")).map(words_of).collect();
    let patterns = Patterns::of(all.iter().map(String::as_str));
    let (mut wrong, mut owners) = (Vec::new(), BTreeMap::new());
    for block in FAMILIES.split("\n\n") {
        let (text, lines) = block.trim().split_once('\n').unwrap();
        let expected = text.strip_prefix("# ").unwrap();
        let lines: Vec<&str> = lines.lines().collect();
        let pattern = patterns.pattern_of(&words_of(lines[0]));
        for line in &lines {
            let found = patterns.pattern_of(&words_of(line));
            if found != pattern {
                wrong.push(format!("{line:?} has {:?}", found.skeleton));
            }
        }
        let found = text_of(&pattern.skeleton, lines.iter().map(|line| line.as_bytes()));
        if found != expected {
            wrong.push(format!("expected {expected:?}\n   found {found:?}"));
        }
        if let Some(other) = owners.insert(pattern.id, expected) {
            wrong.push(format!("{other:?} and {expected:?} are one: {:?}", pattern.skeleton));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
