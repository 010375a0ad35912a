//! What `redact` takes out, what it leaves, and that nothing slips past it. Family `limit_`.

use super::{Cleaner, PATTERNS_MAX, REPLACE_BYTES_MAX, RedactOptions, RuleName, build};
use crate::parse::{Format, Parser};
use crate::stage_test::chunk;
use engine::component::Options;
use engine::model::{Extra, ExtraIndex, Span};
use proptest::prelude::*;
use serde_json::json;
use std::sync::Arc;

fn cleaner(options: serde_json::Value) -> Cleaner {
    let options: RedactOptions = serde_json::from_value(options).unwrap();
    Cleaner::new(&options).unwrap()
}

fn cleaned(text: &str) -> String {
    cleaned_by(&cleaner(json!({})), text)
}

fn cleaned_by(cleaner: &Cleaner, text: &str) -> String {
    let mut out = Vec::new();
    if cleaner.clean(text.as_bytes(), &mut out) {
        String::from_utf8_lossy(&out).into_owned()
    } else {
        assert!(out.is_empty());
        text.to_owned()
    }
}

#[test]
fn secrets_are_taken_out_in_every_form_they_are_written() {
    let block = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7\n-----END RSA PRIVATE KEY-----";
    let line = "MIIEpAIBAAKCAQEA7bq3xWvT5pYkZ0rJ8sLmN2cQ4dF6gH9iK1oP3uR5tV7wX9yZ";
    let cases = [
        (format!("loaded {block} from disk"), "loaded <private-key> from disk"),
        ("key -----BEGIN PRIVATE KEY-----\nMIIEpA".to_owned(), "key <private-key>"),
        (line.to_owned(), "<private-key>"),
        ("Authorization: Bearer abc.def-ghi".to_owned(), "Authorization: Bearer <secret>"),
        ("sent bearer a1b2c3d4e5f6 twice".to_owned(), "sent bearer <secret> twice"),
        ("Basic dXNlcjpwYXNz==".to_owned(), "Basic <secret>"),
        ("password=hunter2 user=bob".to_owned(), "password=<secret> user=bob"),
        ("db_password = 'two words' ok".to_owned(), "db_password = '<secret>' ok"),
        ("GET /cart?token=abc&page=2".to_owned(), "GET /cart?token=<secret>&page=2"),
        (r#"{"api_key": "a\"b", "n": 1}"#.to_owned(), r#"{"api_key": "<secret>", "n": 1}"#),
        (r#"{"m":"{\"secret\":\"s3\"}"}"#.to_owned(), r#"{"m":"{\"secret\":\"<secret>\"}"}"#),
        ("password: hunter2".to_owned(), "password: <secret>"),
        ("at db://bob:pa55@db1:5432/x".to_owned(), "at db://bob:<secret>@db1:5432/x"),
        (format!("id {} used", ["AKIA", "ABCDEFGHIJKLMNOP"].concat()), "id <access-key> used"),
        (format!("{}{}", "ghp_", "a1".repeat(18)), "<access-key>"),
        (format!("jwt {}{}.x-y_z", "eyJhbGciOiJI.", "eyJzdWIiOiIx"), "jwt <web-token>"),
    ];
    for (text, expected) in cases {
        assert_eq!(cleaned(&text), expected);
    }
}

#[test]
fn personal_data_is_taken_out() {
    assert_eq!(cleaned("mail to bob.b+x@shop.example failed"), "mail to <mail-address> failed");
    assert_eq!(cleaned("card 4111 1111 1111 1111 refused"), "card <card-number> refused");
    assert_eq!(cleaned("card=5500000000000004"), "card=<card-number>");
}

#[test]
fn what_only_looks_like_a_secret_stays() {
    for text in [
        "unexpected token: ','",
        "basic authentication failed",
        "token=null secret=*** password=",
        "max_tokens=4096 tokens: 12",
        "user@host and getty@tty1.service and lib@4.17.21.tgz",
        "Cart@1f2e3d4c",
        "2024-01-02 03:04:05.678901 epoch 1704164645678901 id 4111111111111112",
        "4bf92f3577b34da6a3ce929d0e0e4736",
        "the bearer of bad news",
        "http://shop.example:8080/cart",
        "asia is a continent",
    ] {
        assert_eq!(cleaned(text), text);
    }
}

#[test]
fn rules_can_be_switched_off_and_patterns_added() {
    let without = cleaner(json!({"without": ["mail_address", "card_number"]}));
    assert_eq!(cleaned_by(&without, "bob@shop.example"), "bob@shop.example");
    assert_eq!(cleaned_by(&without, "pwd=x1"), "pwd=<secret>");
    let patterns = json!({"patterns": [
        {"pattern": r"customer \d+", "replace": "customer <id>"},
        {"pattern": "Bob|Eve"},
    ]});
    let with = cleaner(patterns);
    assert_eq!(cleaned_by(&with, "customer 17 is Eve"), "customer <id> is <redacted>");
}

#[test]
fn overlapping_finds_hide_all_that_any_of_them_hides() {
    assert_eq!(cleaned("password=bob@shop.example;"), "password=<secret>;");
    let both = cleaner(json!({"patterns": [
        {"pattern": "abcd", "replace": "1"}, {"pattern": "cdef", "replace": "2"},
    ]}));
    assert_eq!(cleaned_by(&both, "xabcdefy"), "x1y");
}

#[test]
fn every_text_of_an_event_is_cleaned_and_clean_ones_are_not_copied() {
    let lines = "{\"level\":\"error\",\"msg\":\"bob\\u0040shop.example is gone\",\"thread\":\"eve@shop.example\"}\n\
                 INFO: nothing to hide\n";
    let mut batch = Parser::utc(Format::Auto).parse(&Arc::from("shop"), &chunk(lines)).batch;
    let traced = "eve@shop.example\n";
    let start = batch.scratch.len();
    Arc::make_mut(&mut batch.scratch).extend_from_slice(traced.as_bytes());
    let trace = Span::scratch(start, start + traced.len());
    batch.extras.push(Extra { trace, ..Extra::default() });
    batch.events[0].extra = ExtraIndex::new(batch.extras.len() - 1);
    let clean = batch.events[1];
    cleaner(json!({})).apply(&mut batch);
    let event = batch.events[0];
    assert_eq!(batch.text(event.message), b"<mail-address> is gone");
    assert_eq!(batch.text(event.thread), b"<mail-address>");
    let extra = batch.extras.last().unwrap();
    assert_eq!(batch.text(extra.trace), b"<mail-address>\n");
    assert!(!String::from_utf8_lossy(batch.text(event.record)).contains("eve@"));
    assert_eq!((batch.events[1].record, batch.events[1].message), (clean.record, clean.message));
}

#[test]
fn batches_without_secrets_stay_as_they_are() {
    let lines = "INFO: nothing to hide\n2024-01-02 03:04:05 ERROR no such item\n";
    let mut batch = Parser::utc(Format::Auto).parse(&Arc::from("shop"), &chunk(lines)).batch;
    cleaner(json!({})).apply(&mut batch);
    assert!(batch.scratch.is_empty());
    assert_eq!(batch.events.len(), 2);
}

#[test]
fn limit_patterns_and_replacements_are_bounded_and_mistakes_are_refused() {
    let built = |patterns: serde_json::Value| {
        let value = json!({ "patterns": patterns });
        build(&Options { id: "hide".to_owned(), value, base: "/".into() })
    };
    let refused = |patterns| built(patterns).err().map_or(0, |errors| errors.len());
    assert_eq!(refused(json!(vec![json!({"pattern": "a"}); PATTERNS_MAX])), 0);
    assert_eq!(refused(json!(vec![json!({"pattern": "a"}); PATTERNS_MAX + 1])), 1);
    let replace = |n: usize| json!([{"pattern": "a", "replace": "x".repeat(n)}]);
    assert_eq!(refused(replace(REPLACE_BYTES_MAX)), 0);
    assert_eq!(refused(replace(REPLACE_BYTES_MAX + 1)), 1);
    assert_eq!(refused(json!([{"pattern": "("}, {"pattern": "a*"}])), 2);
    let errors = built(json!([{"pattern": "a"}, {"pattern": "("}])).err().unwrap();
    assert_eq!(errors[0].path, ["patterns", "1", "pattern"]);
    assert_eq!(refused(json!([{"pattern": "(a{1000}){1000}"}])), 1);
}

/// Pieces that the rules look at, so that random texts get deep into them.
fn text() -> impl Strategy<Value = Vec<u8>> {
    let known = prop::sample::select(vec![
        "password",
        "=",
        ":",
        "\"",
        "'",
        "\\",
        "token",
        "bearer ",
        "@",
        ".",
        "shop.example",
        "4111",
        " ",
        "-",
        "1111",
        "://",
        "eyJ",
        "-----BEGIN PRIVATE KEY-----",
        "AKIA",
        "\n",
        "&",
    ]);
    let piece = prop_oneof![
        6 => known.prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..6),
    ];
    prop::collection::vec(piece, 0..20).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_bytes_are_cleaned_and_what_is_clean_stays_so(text in text()) {
        let cleaner = cleaner(json!({}));
        let mut once = Vec::new();
        if cleaner.clean(&text, &mut once) {
            let mut twice = Vec::new();
            let again = cleaner.clean(&once, &mut twice);
            prop_assert!(!again || twice == once, "{:?}", String::from_utf8_lossy(&once));
        }
    }
}

#[test]
fn every_rule_can_be_named_and_used_alone() {
    for kept in RuleName::ALL {
        let without: Vec<RuleName> = RuleName::ALL.into_iter().filter(|n| *n != kept).collect();
        let options = RedactOptions { without, patterns: Vec::new() };
        let cleaner = Cleaner::new(&options).unwrap();
        assert!(!cleaner.clean(b"nothing to hide", &mut Vec::new()));
    }
}

#[test]
fn hostile_texts_are_cleaned_in_linear_time() {
    let cleaner = cleaner(json!({}));
    for piece in ["password=", "@a.", "4111 ", "eyJ", "bearer ", "-----BEGIN PRIVATE KEY-----\\"] {
        let text = piece.repeat((1 << 20) / piece.len());
        cleaner.clean(text.as_bytes(), &mut Vec::new());
    }
}
