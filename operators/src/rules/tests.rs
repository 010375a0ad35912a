//! Tests of rules: what each does to a message, who wins, what is refused. `limit_`: what happens at
//! each bound.
#![allow(
    clippy::disallowed_methods,
    reason = "tests take their number of cases from the environment"
)]

use super::*;
use crate::mask::TEXT_BYTES_MAX;
use crate::skeleton::HotHash;
use proptest::prelude::*;

fn option(value: serde_json::Value) -> RuleOptions {
    serde_json::from_value(value).unwrap()
}

fn keep(pattern: &str) -> RuleOptions {
    option(serde_json::json!({ "pattern": pattern, "keep": true }))
}

fn mask(pattern: &str, name: &str) -> RuleOptions {
    option(serde_json::json!({ "pattern": pattern, "mask": name }))
}

fn named(pattern: &str, text: &str) -> RuleOptions {
    option(serde_json::json!({ "pattern": pattern, "fingerprint": text }))
}

/// Returns the skeleton and the text of a message under rules.
fn of(rules: &[RuleOptions], message: &str) -> (String, String) {
    let rules = UserRules::new(rules).unwrap();
    let skeleton = rules.skeleton(message.as_bytes());
    (String::from_utf8(skeleton).unwrap(), rules.render(message.as_bytes()))
}

fn pair(skeleton: &str, text: &str) -> (String, String) {
    (skeleton.to_owned(), text.to_owned())
}

#[test]
fn what_is_kept_is_part_of_the_identity_as_it_is() {
    let codes = [keep(r"error code \d+")];
    assert_eq!(
        of(&codes, "charge 7 refused: error code 42 (retry 3)"),
        pair(
            "charge <*> refused =error =code =42 retry <*>",
            "charge <num> refused: error code 42 (retry <num>)"
        )
    );
    assert_eq!(of(&codes, "charge 7 refused").0, "charge <*> refused");
    // Signs and marks tell kept texts apart.
    assert_ne!(of(&[keep(r"-?\d+")], "got -1").0, of(&[keep(r"-?\d+")], "got 1").0);
}

#[test]
fn what_is_masked_is_a_variable_with_the_name_of_the_mask() {
    let tenants = [mask("acme|globex", "tenant")];
    assert_eq!(
        of(&tenants, "login of acme failed 3 times"),
        pair("login of <*> failed <*> times", "login of <tenant> failed <num> times")
    );
    assert_eq!(
        of(&tenants, "login of acme failed 3 times").0,
        of(&tenants, "login of globex failed 4 times").0
    );
}

#[test]
fn rules_change_their_piece_and_nothing_beside_it() {
    assert_eq!(
        of(&[keep("status=5[0-9]+")], "call took 12 ms status=504 user ann"),
        pair("call took <*> =status=504 user <*>", "call took <num> ms status=504 user <*>")
    );
    // Inside a longer value the rest stays a value.
    assert_eq!(
        of(&[keep("code [0-9]+")], "replied 'sorry, code 7 for ann'").0,
        "replied <*> =code =7 <*>"
    );
    assert_eq!(
        of(&[mask("/tenants/[a-z]+", "tenant")], "GET /tenants/acme/users/7 failed"),
        pair("GET <*> failed", "GET <tenant><path> failed")
    );
    // Inside a word the rest stays words.
    assert_eq!(of(&[mask("my[a-z]b", "db")], "open mydbhost now").0, "open <*> host now");
    // Text that is neither word nor value, and what follows the last word.
    assert_eq!(of(&[keep(r"\(!+\)")], "stop (!!) now (!)").0, "stop =(!!) now =(!)");
    assert_eq!(of(&[keep("-{3}")], "---").0, "=---");
}

#[test]
fn the_first_rule_in_the_file_has_the_text_that_two_want() {
    let rules = |first: RuleOptions, second: RuleOptions| [first, second];
    let message = "disk sda7 is full";
    assert_eq!(of(&rules(keep("sda7"), mask("sda[0-9]", "disk")), message).0, "disk =sda7 is full");
    assert_eq!(of(&rules(mask("sda[0-9]", "disk"), keep("sda7")), message).0, "disk <*> is full");
    // It has all of it, also where the other begins before it.
    assert_eq!(of(&rules(keep("is full"), mask("sda7 is", "x")), message).0, "disk <*> =is =full");
    let asked = |rules: &[RuleOptions], text: &str| {
        let found = UserRules::new(rules).unwrap().fingerprint(&[text.as_bytes()])?;
        Some(String::from_utf8(found.fingerprint).unwrap())
    };
    let two = rules(named("disk", "a disk"), named("full", "full"));
    assert_eq!(asked(&two, message).as_deref(), Some("a disk"));
    assert_eq!(asked(&two, "queue full").as_deref(), Some("full"));
    assert_eq!(asked(&two, "queue"), None);
}

#[test]
fn groups_of_the_pattern_stand_in_a_fingerprint() {
    let asked = |text: &str, message: &str| {
        let rules = [named(r"pay(?P<what>[a-z]+) (\d+)(!)?", text)];
        let found = UserRules::new(&rules).unwrap().fingerprint(&[message.as_bytes()])?;
        Some(String::from_utf8(found.fingerprint).unwrap())
    };
    assert_eq!(asked("p-{2}-{what}", "payment 7").as_deref(), Some("p-7-ment"));
    assert_eq!(asked("{{{0}}}", "payment 7").as_deref(), Some("{payment 7}"));
    // A group that took no part is empty; an empty fingerprint is none.
    assert_eq!(asked("x{3}", "payment 7").as_deref(), Some("x"));
    assert_eq!(asked("{3}", "payment 7"), None);
}

/// Returns where the mistakes of rules are, and what they are.
fn refused(rules: &[RuleOptions]) -> Vec<(String, String)> {
    let errors = UserRules::new(rules).unwrap_err().into_iter();
    errors.map(|error| (error.path.join("."), error.message)).collect()
}

#[test]
fn rules_that_cannot_be_used_are_named_with_their_place() {
    let mut nothing = keep("x");
    nothing.keep = false;
    let both = RuleOptions { mask: Some("x".into()), ..keep("x") };
    let found = refused(&[
        keep("ok"),
        keep("(a"),
        keep("a*"),
        mask("x", "Tenant 1"),
        named("x", "{1}"),
        named("x", "{0"),
        named("x", "0}"),
        named("x", ""),
        nothing,
        both,
    ]);
    let places: Vec<&str> = found.iter().map(|(place, _)| place.as_str()).collect();
    let expected = [
        "rules.1.pattern",
        "rules.2.pattern",
        "rules.3.mask",
        "rules.4.fingerprint",
        "rules.5.fingerprint",
        "rules.6.fingerprint",
        "rules.7.fingerprint",
        "rules.8",
        "rules.9",
    ];
    assert_eq!(places, expected);
    assert!(found[0].1.contains("unclosed group"), "{found:?}");
}

#[test]
fn limit_rules_are_bounded_in_number_and_size() {
    assert!(UserRules::new(&vec![keep("x"); RULES_MAX]).is_ok());
    assert_eq!(refused(&vec![keep("x"); RULES_MAX + 1])[0].0, "rules");
    assert!(UserRules::new(&[keep(&"x".repeat(PATTERN_BYTES_MAX))]).is_ok());
    assert_eq!(refused(&[keep(&"x".repeat(PATTERN_BYTES_MAX + 1))])[0].0, "rules.0.pattern");
    // One pattern that is too large, and many that are so together.
    assert_eq!(refused(&[keep(r"\w{2000}")])[0].0, "rules.0.pattern");
    let many: Vec<RuleOptions> = (0..RULES_MAX).map(|n| keep(&format!(r"{n}\w{{40}}"))).collect();
    assert!(many.iter().all(|one| UserRules::new(std::slice::from_ref(one)).is_ok()));
    assert_eq!(refused(&many)[0].0, "rules");
}

#[test]
fn limit_names_and_fingerprints_are_bounded() {
    assert!(UserRules::new(&[mask("x", &"n".repeat(MASK_NAME_BYTES_MAX))]).is_ok());
    assert!(UserRules::new(&[mask("x", &"n".repeat(MASK_NAME_BYTES_MAX + 1))]).is_err());
    assert!(UserRules::new(&[named("x", &"n".repeat(FINGERPRINT_BYTES_MAX))]).is_ok());
    assert!(UserRules::new(&[named("x", &"n".repeat(FINGERPRINT_BYTES_MAX + 1))]).is_err());
    let rules = UserRules::new(&[named("x+", "of {0}{0}")]).unwrap();
    let long = "x".repeat(FINGERPRINT_BYTES_MAX);
    let found = rules.fingerprint(&[long.as_bytes()]).unwrap().fingerprint;
    assert_eq!(found.len(), FINGERPRINT_BYTES_MAX);
}

#[test]
fn limit_only_so_many_pieces_of_a_text_and_so_much_of_one_are_ruled() {
    let rules = UserRules::new(&[keep("7"), keep("8")]).unwrap();
    let text = "7 8 ".repeat(MATCHES_MAX);
    assert_eq!(rules.pieces(text.as_bytes()).len(), MATCHES_MAX);
    assert_eq!(rules.kept("7".repeat(MATCHES_MAX + 1).as_bytes()).len(), MATCHES_MAX);
    let all = UserRules::new(&[keep("x.*")]).unwrap();
    assert_eq!(all.kept("x".repeat(KEPT_BYTES_MAX + 1).as_bytes())[0].len(), KEPT_BYTES_MAX);
    let kept = all.kept(format!("xx{}", "€".repeat(KEPT_BYTES_MAX)).as_bytes());
    assert!(
        (KEPT_BYTES_MAX - 3..=KEPT_BYTES_MAX).contains(&kept[0].len()) && kept[0].ends_with('€')
    );
    // Past the scanner's limit nothing counts.
    let far = format!("{} 7", "a ".repeat(SCAN_BYTES_MAX / 2));
    assert_eq!(rules.pieces(far.as_bytes()), []);
}

/// Returns how many cases to try.
fn cases() -> ProptestConfig {
    let cases = std::env::var("SEISMOLOG_CASES").ok().and_then(|n| n.parse().ok());
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases.unwrap_or(256)) }
}

fn rules() -> impl Strategy<Value = UserRules> {
    let pattern = prop::sample::select(vec![
        r"\d+",
        "[a-z]+",
        "a|b",
        "='?[^ ]+",
        r"\S+ \S+",
        ".",
        "<[^>]*>",
        "code .*",
        "(?-u:\\xff)",
        "é+",
    ]);
    let rule = (pattern, 0..3u8).prop_map(|(pattern, action)| match action {
        0 => keep(pattern),
        1 => mask(pattern, "name"),
        _ => named(pattern, "of {0}"),
    });
    prop::collection::vec(rule, 0..5).prop_map(|rules| UserRules::new(&rules).unwrap())
}

fn message() -> impl Strategy<Value = Vec<u8>> {
    const PARTS: [&str; 20] = [
        " ",
        "=",
        "\"",
        "'",
        "(",
        ")",
        "<",
        ">",
        "<num>",
        "<*>",
        "12 ms",
        "a/b/7",
        "abc",
        "user",
        "code",
        "\u{1b}[1m",
        "errno",
        "é",
        "x=",
        "true",
    ];
    let part = prop_oneof![
        8 => prop::sample::select(PARTS.to_vec()).prop_map(|part| part.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..5),
    ];
    prop::collection::vec(part, 0..30).prop_map(|parts| parts.concat())
}

/// Returns the hash of a message under rules.
fn hash(rules: &UserRules, message: &[u8]) -> u128 {
    HotHash::seeded(1).of_ruled(message, &rules.ruled(&rules.pieces(message)))
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn rules_are_functions_of_the_bytes_and_never_panic(rules in rules(), bytes in message()) {
        let again = rules.clone();
        prop_assert_eq!(rules.skeleton(&bytes), again.skeleton(&bytes));
        prop_assert_eq!(hash(&rules, &bytes), hash(&again, &bytes));
        prop_assert_eq!(rules.fingerprint(&[&bytes]), again.fingerprint(&[&bytes]));
        prop_assert!(rules.render(&bytes).len() <= TEXT_BYTES_MAX);
        let pieces = rules.pieces(&bytes);
        prop_assert!(pieces.iter().all(|one| one.start < one.stop && one.stop <= bytes.len()));
        prop_assert!(pieces.windows(2).all(|two| two[0].stop <= two[1].start));
    }

    #[test]
    fn a_message_that_no_rule_matches_is_as_without_rules(rules in rules(), bytes in message()) {
        if !rules.touch(&bytes) {
            prop_assert_eq!(rules.skeleton(&bytes), crate::skeleton::skeleton(&bytes));
            prop_assert_eq!(rules.render(&bytes), crate::mask::render(&bytes));
            prop_assert_eq!(hash(&rules, &bytes), HotHash::seeded(1).of(&bytes));
        }
    }

    #[test]
    fn equal_hashes_have_equal_skeletons(rules in rules(), left in message(), right in message()) {
        if hash(&rules, &left) == hash(&rules, &right) {
            prop_assert_eq!(rules.skeleton(&left), rules.skeleton(&right));
        }
    }

    #[test]
    fn all_that_is_kept_is_in_the_skeleton(bytes in message()) {
        let rules = UserRules::new(&[keep(r"\d+")]).unwrap();
        let skeleton = String::from_utf8(rules.skeleton(&bytes)).unwrap();
        let kept = rules.kept(&bytes);
        let found: Vec<&str> = skeleton.split(' ').filter_map(|word| word.strip_prefix('=')).collect();
        prop_assert_eq!(kept, found);
    }
}
