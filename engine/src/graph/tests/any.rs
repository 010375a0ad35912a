//! Properties over random text and over mutated files.

use super::fakes::REGISTRY;
use super::input;
use crate::graph::{Graph, GraphInput, Mistake};
use proptest::prelude::*;

const GOOD: &str = include_str!("good/full.yaml");

fn cases(default: u32) -> ProptestConfig {
    let cases = std::env::var("SEISMOLOG_CASES").ok().and_then(|cases| cases.parse().ok());
    let cases = cases.unwrap_or(default);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// Reads `text`; whatever is wrong must stand within it, at the line and column of its span.
fn read_and_check(text: &str) -> Result<Graph, Vec<Mistake>> {
    let inputs: [GraphInput; 1] = [input("graph.yaml", text)];
    let result = Graph::read(&inputs, REGISTRY);
    if let Err(mistakes) = &result {
        assert!(!mistakes.is_empty());
        for mistake in mistakes.iter().filter(|mistake| mistake.file == "graph.yaml") {
            assert!(text.get(mistake.span.clone()).is_some(), "{mistake:?} is outside of {text:?}");
            let before = &text[..mistake.span.start];
            assert_eq!(mistake.line, before.matches('\n').count() + 1, "{mistake:?}");
            assert!(mistake.column >= 1);
        }
    }
    result
}

/// Text made of the pieces that YAML gives a meaning to.
fn yamlish() -> impl Strategy<Value = String> {
    let pieces = vec![
        " ",
        "  ",
        "\n",
        "\n  ",
        "\n    ",
        "\t",
        ": ",
        ":",
        "- ",
        "-",
        ", ",
        "[",
        "]",
        "{",
        "}",
        "? ",
        "&a ",
        "*a",
        "!t ",
        "!!str ",
        "| \n",
        ">\n",
        "\"",
        "'",
        "#",
        "--- ",
        "\n---\n",
        "\n...\n",
        "%YAML 1.2\n",
        "~",
        "\\",
        "\u{feff}",
        "\r\n",
        "\0",
        "ä",
        "𝄞",
        "\u{2028}",
        "\u{85}",
        "@",
        "`",
        "sources",
        "operators",
        "sinks",
        "server",
        "engine",
        "type",
        "inputs",
        "file",
        "parse",
        "app",
        "1.10",
        "true",
        "10m",
        "<<",
        "=",
    ];
    prop::collection::vec(prop::sample::select(pieces), 0..60).prop_map(|pieces| pieces.concat())
}

/// A change to a text: at a character, take some away, put something there.
fn mutation() -> impl Strategy<Value = (prop::sample::Index, usize, String)> {
    (
        any::<prop::sample::Index>(),
        0..12usize,
        prop_oneof![Just(String::new()), yamlish(), ".{0,4}"],
    )
}

fn mutate(text: &str, at: prop::sample::Index, removed: usize, added: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let start = at.index(characters.len() + 1);
    let end = (start + removed).min(characters.len());
    let head: String = characters[..start].iter().collect();
    let tail: String = characters[end..].iter().collect();
    head + added + &tail
}

proptest! {
    #![proptest_config(cases(1500))]

    #[test]
    fn any_text_gives_a_graph_or_mistakes(text in any::<String>()) {
        let _ = read_and_check(&text);
    }

    #[test]
    fn any_yamlish_text_gives_a_graph_or_mistakes(text in yamlish()) {
        let _ = read_and_check(&text);
    }

    #[test]
    fn any_mutated_file_gives_a_graph_or_mistakes(
        changes in prop::collection::vec(mutation(), 1..4),
    ) {
        let changed = changes.iter().fold(GOOD.to_owned(), |text, (at, removed, added)| {
            mutate(&text, *at, *removed, added)
        });
        let _ = read_and_check(&changed);
    }

    #[test]
    fn any_misspelt_key_is_found(at in any::<prop::sample::Index>()) {
        let keys = GOOD.match_indices(": ").map(|(colon, _)| colon);
        // Sinks may have any name: nothing refers to them.
        let sink = |colon: usize| ["store", "oncall"].iter().any(|id| GOOD[..colon].ends_with(id));
        let starts: Vec<usize> = keys.filter(|colon| !sink(*colon)).collect();
        let colon = starts[at.index(starts.len())];
        let changed = format!("{}q{}", &GOOD[..colon], &GOOD[colon..]);
        prop_assert!(read_and_check(&changed).is_err(), "{changed}");
    }
}
