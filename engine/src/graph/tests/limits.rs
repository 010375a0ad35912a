//! Every limit of the graph file is reached.

use super::{mistakes, read};
use crate::graph::{DEPTH_MAX, FILE_BYTES_MAX, MISTAKES_MAX, NODES_MAX};

#[test]
fn limit_an_alias_bomb_stops_at_the_node_budget() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let before = format!("*a{}, ", level - 1).repeat(10);
        text.push_str(&format!("a{level}: &a{level} [{before}]\n"));
    }
    let found = mistakes(&text);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains(&format!("more than {NODES_MAX} values")), "{found:?}");
}

#[test]
fn limit_many_values_without_aliases_stop_at_the_node_budget() {
    let text = format!("sources: [{}]", "a, ".repeat(NODES_MAX));
    assert!(mistakes(&text)[0].contains("values, aliases expanded"));
}

#[test]
fn limit_deep_nesting_is_refused() {
    let nested = |depth: usize| format!("sources: {}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(mistakes(&nested(DEPTH_MAX))[0].contains("nested deeper than"));
    assert!(!mistakes(&nested(DEPTH_MAX - 1))[0].contains("nested deeper than"));
    let blocks = "- ".repeat(10_000) + "x";
    assert!(mistakes(&blocks)[0].contains("nested deeper than"));
    // The parser has a limit of its own on brackets that it meets before their content.
    for brackets in ["[", "{a: ", "[{a: "] {
        let found = mistakes(&brackets.repeat(100_000));
        assert_eq!(found.len(), 1, "{found:?}");
    }
}

#[test]
fn limit_a_large_file_is_refused() {
    let text = "#".repeat(FILE_BYTES_MAX);
    assert!(mistakes(&text)[0].contains("the file is empty"));
    assert!(mistakes(&(text + "#"))[0].contains("larger than"));
}

#[test]
fn limit_mistakes_beyond_the_maximum_are_counted() {
    let text: String = (0..MISTAKES_MAX + 50).map(|i| format!("section{i}: 1\n")).collect();
    let found = mistakes(&text);
    assert_eq!(found.len(), MISTAKES_MAX);
    assert!(found[MISTAKES_MAX - 1].contains("more mistakes from here on"), "{found:?}");
}

#[test]
fn limit_ids_are_at_most_64_characters() {
    let file = |id: &str| {
        format!("sources: {{ {id}: {{ type: stdin }} }}\nsinks: {{ store: {{ type: memory }} }}")
    };
    assert!(read(&file(&"a".repeat(64))).is_ok());
    assert!(mistakes(&file(&"a".repeat(65)))[0].contains("cannot be the id"));
}

#[test]
fn a_long_chain_written_backwards_is_ordered() {
    let mut text = "sources: { app: { type: stdin } }\noperators:\n".to_owned();
    // Written last to first, so that the order of the file is the worst one.
    for i in (1..500).rev() {
        let keep = "keep: [{ test: words, words: [x] }]";
        text.push_str(&format!("  f{i}: {{ type: filter, inputs: [f{}], {keep} }}\n", i - 1));
    }
    text.push_str("  f0: { type: parse, inputs: [app] }\n");
    text.push_str("  p: { type: fingerprint, inputs: [f499] }\n");
    text.push_str("  c: { type: window, inputs: [p] }\n");
    text.push_str("sinks: { store: { type: memory, inputs: [c] } }\n");
    let graph = read(&text).unwrap();
    assert_eq!(graph.operators[0].id, "f0");
    assert_eq!(graph.operators[499].id, "f499");
}
