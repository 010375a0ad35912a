//! Tests of the masks. `golden_`: invented messages, one or more per rule, with the skeleton and the
//! displayed text that they must have. A change here is a change of everybody's ids: it needs a new
//! algorithm version.
#![allow(
    clippy::disallowed_methods,
    reason = "tests take their number of cases from the environment"
)]

use super::piece::CODE_BYTES_MAX;
use super::scan::REQUEST_VERB_BYTES_MAX;
use super::words::is_technique;
use super::{
    ITEMS_MAX, MaskKind, QUOTED_BYTES_MAX, SCAN_BYTES_MAX, TEXT_BYTES_MAX, WORD_BYTES_MAX, masks,
    render,
};
use crate::skeleton::{HotHash, skeleton};
use proptest::prelude::*;

/// Message, skeleton, displayed text.
const GOLDEN: &[(&str, &str, &str)] = &[
    // Numbers: signed, decimal, per cent, lists, with units inside and after.
    ("lost 12 of 40 packets", "lost <*> of <*> packets", "lost <num> of <num> packets"),
    ("delta -3.5 against +7", "delta <*> against <*>", "delta <num> against <num>"),
    ("disk at 97%, was 1.234,5", "disk at <*> was <*>", "disk at <num>%, was <num>"),
    ("shards [1, 2, 3] red", "shards <*> red", "shards [<num>, <num>, <num>] red"),
    ("wrote 12KB in 1.5s", "wrote <*> in <*>", "wrote <size> in <duration>"),
    ("wrote 1 byte", "wrote <*>", "wrote <num> byte"),
    ("wrote 12 bytes (1.2 KB)", "wrote <*>", "wrote <num> bytes (<num> KB)"),
    ("slept 3 seconds", "slept <*>", "slept <num> seconds"),
    ("3 errors", "<*> errors", "<num> errors"),
    // The name of a month is part of a date only before a number, also before one that was masked.
    ("left in May <num>", "left in <*>", "left in <time> <num>"),
    ("left in May /srv/a.txt", "left in May <*>", "left in May <path>"),
    ("left in May <path>", "left in May <*>", "left in May <path>"),
    // Addresses of all sorts.
    ("peer 10.0.0.7:8080 gone", "peer <*> gone", "peer <ip> gone"),
    ("peer fe80::1ff:fe23:4567:890a gone", "peer <*> gone", "peer <ip> gone"),
    ("peer ::1 gone", "peer <*> gone", "peer <ip> gone"),
    ("nic 00:1a:2b:3c:4d:5e down", "nic <*> down", "nic <mac> down"),
    ("ask db.internal.example.org now", "ask <*> now", "ask <host> now"),
    ("ask db.example.org:5432 now", "ask <*> now", "ask <host> now"),
    ("ask localhost:5432 now", "ask <*> now", "ask <host> now"),
    ("mail to ann.lee@example.org bounced", "mail to <*> bounced", "mail to <email> bounced"),
    ("GET https://example.org/a?b=1&c=2, slow", "GET <*> slow", "GET <url>, slow"),
    ("open jdbc:mysql://db:3306/shop", "open jdbc <*>", "open jdbc:<url>"),
    // Times and dates.
    ("since 2024-05-06T07:08:09.123Z", "since <*>", "since <time>"),
    ("since 2024-05-06 07:08:09,123", "since <*>", "since <time> <time>"),
    ("since Mon May 6 07:08:09 2024", "since <*>", "since <time>"),
    ("May the force", "May the force", "May the force"),
    // Identifiers.
    ("job 550e8400-e29b-41d4-a716-446655440000 done", "job <*> done", "job <uuid> done"),
    ("at 0xdeadbeef", "at <*>", "at <hex>"),
    ("commit deadbeef", "commit <*>", "commit <hex>"),
    ("commit 9f8e7d6c5b4a", "commit <*>", "commit <hex>"),
    ("worker-12 died", "<*> died", "<id> died"),
    // Paths.
    ("read /var/log/app.log failed", "read <*> failed", "read <path> failed"),
    ("read ../conf/app.yaml failed", "read <*> failed", "read <path> failed"),
    ("read C:\\Temp\\a.txt failed", "read <*> failed", "read <path> failed"),
    ("GET / took long", "GET <*> took long", "GET <path> took long"),
    ("I/O error on read/write", "I O error on read write", "I/O error on read/write"),
    // A path with a query is one value; a mark of a question is none.
    ("GET /a/b?page=2&sort=up: slow", "GET <*> slow", "GET <path>: slow"),
    ("took path=/a?page=2, 3ms", "took path <*>", "took path=<path>, <duration>"),
    ("is it /a/b? No", "is it <*> No", "is it <path>? No"),
    // Microseconds, with either sign.
    ("took 1.5\u{b5}s or 12\u{3bc}s", "took <*> or <*>", "took <num>\u{b5}s or <num>\u{3bc}s"),
    // A message in quotes before its pairs keeps its words.
    (
        "\"Syncing of cart failed\" cart=\"a b\" err=\"no route\"",
        "Syncing of cart failed cart <*> err <*>",
        "\"Syncing of cart failed\" cart=\"<str>\" err=\"<str>\"",
    ),
    ("\"my plugin\" failed", "<*> failed", "\"<str>\" failed"),
    // Values of keys, also missing ones; quoted texts; empty brackets.
    ("login uid=0 host=web done", "login uid <*> host <*> done", "login uid=<num> host=<*> done"),
    ("login uid= host=web done", "login uid <*> host <*> done", "login uid= host=<*> done"),
    ("a == b => c", "a b c", "a == b => c"),
    ("cannot load \"my plugin\"", "cannot load <*>", "cannot load \"<str>\""),
    ("cannot load ''", "cannot load <*>", "cannot load ''"),
    ("can't load it's", "can t load it s", "can't load it's"),
    ("call(4) is call()", "call <*> is call <*>", "call(<num>) is call()"),
    (
        "ready true, done FALSE, owner null",
        "ready <*> done <*> owner <*>",
        "ready <bool>, done <bool>, owner <bool>",
    ),
    ("session for user ann closed", "session for user <*> closed", "session for user <*> closed"),
    ("no match; user unknown", "no match user unknown", "no match; user unknown"),
    (
        "moved to bounds=Rect(0, 4) now",
        "moved to bounds Rect <*> now",
        "moved to bounds=Rect(<num>, <num>) now",
    ),
    ("10.0.0.7 \"GET /a?b=1 HTTP/1.1\" 200", "<*> GET <*>", "<ip> \"GET <url>\" <num>"),
    ("10.0.0.7:80:lost the peer", "<*> lost the peer", "<ip>:lost the peer"),
    // Names of techniques are words.
    ("IPv6 login over ssh2 on eth1", "IPv6 login over ssh2 on <*>", "IPv6 login over ssh2 on <id>"),
    // What tells failures apart stays.
    (
        "java.io.IOException: Broken pipe",
        "java io IOException Broken pipe",
        "java.io.IOException: Broken pipe",
    ),
    (
        "software.sdk.S3Exception thrown",
        "software sdk S3Exception thrown",
        "software.sdk.S3Exception thrown",
    ),
    ("Cache::evict failed", "Cache evict failed", "Cache::evict failed"),
    ("Pool.acquire failed", "Pool acquire failed", "Pool.acquire failed"),
    ("pool.acquire() failed", "pool acquire <*> failed", "pool.acquire() failed"),
    ("loading org.acme.shop.Cart", "loading <*>", "loading <*>"),
    ("SQLSTATE[42P01] undefined", "SQLSTATE 42P01 undefined", "SQLSTATE[42P01] undefined"),
    ("write failed, errno = 28", "write failed errno 28", "write failed, errno = 28"),
    ("ENOSPC on write", "ENOSPC on write", "ENOSPC on write"),
    // Any bytes.
    ("\u{1b}[31mfailed\u{1b}[0m 3 times", "failed <*> times", "failed <num> times"),
    ("连接超时 30 秒", "连接超时 <*> 秒", "连接超时 <num> 秒"),
    ("用户123登录失败", "用户 <*> 登录失败", "用户<num>登录失败"),
    // Nothing constant.
    ("", "<*>", ""),
    ("17", "<*>", "<num>"),
    ("---", "<*>", "---"),
];

#[test]
fn golden_messages_have_their_skeleton_and_text() {
    for (message, expected_skeleton, expected_text) in GOLDEN {
        let found = String::from_utf8(skeleton(message.as_bytes())).unwrap();
        assert_eq!(&found, expected_skeleton, "skeleton of {message:?}");
        assert_eq!(&render(message.as_bytes()), expected_text, "text of {message:?}");
    }
}

#[test]
fn golden_texts_have_the_skeleton_of_their_message() {
    for (message, expected, text) in GOLDEN.iter().filter(|golden| !golden.2.contains('(')) {
        let found = String::from_utf8(skeleton(text.as_bytes())).unwrap();
        assert_eq!(&found, expected, "of {text:?}, the text of {message:?}");
    }
}

#[test]
fn bytes_that_are_not_utf_8_are_values() {
    assert_eq!(skeleton(b"name \xff\xfe lost"), b"name <*> lost");
    assert_eq!(render(b"name \xff lost\x00\t!"), "name <*> lost  !");
}

#[test]
fn masks_tell_where_and_what() {
    let message = b"peer 10.0.0.7 sent 12KB";
    let found: Vec<_> = masks(message)
        .iter()
        .map(|span| (&message[span.start..span.end], span.kind, span.kind.rule()))
        .collect();
    let expected: Vec<(&[u8], _, _)> =
        vec![(b"10.0.0.7", MaskKind::Ip, "ip_address"), (b"12KB", MaskKind::Size, "size")];
    assert_eq!(found, expected);
}

#[test]
fn limit_only_the_first_items_of_a_message_count() {
    let words = |n: usize| "word ".repeat(n);
    let longest = words(ITEMS_MAX);
    assert_eq!(skeleton(words(ITEMS_MAX + 50).as_bytes()), skeleton(longest.as_bytes()));
    assert_ne!(skeleton(words(ITEMS_MAX - 1).as_bytes()), skeleton(longest.as_bytes()));
}

#[test]
fn limit_only_the_first_bytes_of_a_message_count() {
    let message = |end: &str| format!("start {} {end}", "1 ".repeat(SCAN_BYTES_MAX / 2));
    assert_eq!(skeleton(message("one").as_bytes()), skeleton(message("two").as_bytes()));
}

#[test]
fn limit_long_runs_of_letters_and_long_quotes_are_no_words_and_no_values() {
    let word = "q".repeat(WORD_BYTES_MAX);
    assert_eq!(skeleton(word.as_bytes()), word.as_bytes());
    assert_eq!(skeleton(format!("{word}q").as_bytes()), b"<*>");
    let quoted = |n: usize| format!("'{}'", "a ".repeat(n));
    assert_eq!(skeleton(quoted(QUOTED_BYTES_MAX / 2 - 1).as_bytes()), b"<*>");
    assert_ne!(skeleton(quoted(QUOTED_BYTES_MAX).as_bytes()), b"<*>");
}

#[test]
fn limit_displayed_texts_are_cut_at_a_character() {
    for message in ["é ".repeat(TEXT_BYTES_MAX), "x1 a ".repeat(TEXT_BYTES_MAX)] {
        let text = render(message.as_bytes());
        assert!(text.len() <= TEXT_BYTES_MAX && text.ends_with('…'), "{} bytes", text.len());
    }
}

#[test]
fn limit_codes_and_verbs_of_requests_are_short() {
    let code = |n: usize| skeleton(format!("errno Z{}", "4".repeat(n - 1)).as_bytes());
    assert_ne!(code(CODE_BYTES_MAX), b"errno <*>");
    assert_eq!(code(CODE_BYTES_MAX + 1), b"errno <*>");
    let verb = |n: usize| skeleton(format!("ask \"{} /cart\"", "V".repeat(n)).as_bytes());
    assert_ne!(verb(REQUEST_VERB_BYTES_MAX), b"ask <*>");
    assert_eq!(verb(REQUEST_VERB_BYTES_MAX + 1), b"ask <*>");
}

/// Returns how many cases to try.
fn cases() -> ProptestConfig {
    let cases = std::env::var("SEISMOLOG_CASES").ok().and_then(|n| n.parse().ok());
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases.unwrap_or(512)) }
}

/// Returns messages made of what messages are made of, and of anything else.
fn message() -> impl Strategy<Value = Vec<u8>> {
    const PARTS: [&str; 32] = [
        " ",
        "=",
        ":",
        "://",
        "\"",
        "'",
        "`",
        "(",
        ")",
        "[",
        "]",
        "<",
        ">",
        "<num>",
        "<*>",
        ",",
        ".",
        "-",
        "/",
        "\\",
        "@",
        "\u{1b}[1m",
        "12",
        "0x1f",
        "abc",
        "user",
        "Mon",
        "true",
        "errno",
        "KB",
        "é",
        "deadbeefdead",
    ];
    let part = prop_oneof![
        6 => prop::sample::select(PARTS.to_vec()).prop_map(|part| part.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..6),
    ];
    prop::collection::vec(part, 0..40).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn any_bytes_have_one_skeleton_one_hash_and_one_text(bytes in message()) {
        prop_assert_eq!(skeleton(&bytes), skeleton(&bytes));
        prop_assert_eq!(HotHash::seeded(1).of(&bytes), HotHash::seeded(1).of(&bytes));
        prop_assert!(render(&bytes).len() <= TEXT_BYTES_MAX);
        let spans = masks(&bytes);
        prop_assert!(spans.iter().all(|span| span.start <= span.end && span.end <= bytes.len()));
        prop_assert!(spans.windows(2).all(|pair| pair[0].end <= pair[1].start));
    }

    #[test]
    fn hashes_are_equal_exactly_where_skeletons_are(left in message(), right in message()) {
        let hash = |bytes: &[u8]| HotHash::seeded(1).with(b"api").of(bytes);
        prop_assert_eq!(skeleton(&left) == skeleton(&right), hash(&left) == hash(&right));
    }

    #[test]
    fn digits_do_not_matter(bytes in message(), digits in prop::collection::vec(b'1'..=b'9', 240)) {
        // Codes after `errno` are meant to matter.
        prop_assume!(!bytes.to_ascii_lowercase().windows(5).any(|five| five == b"errno"));
        // So are those in the name of a function that is called.
        prop_assume!(!bytes.windows(2).any(|two| two == b"()"));
        let mut digits = digits.iter();
        let swap = |byte: &u8| if byte.is_ascii_digit() { digits.next().copied().unwrap_or(*byte) } else { *byte };
        let other: Vec<u8> = bytes.iter().map(swap).collect();
        // And those in names such as `l1`.
        let words = |bytes: &[u8]| bytes.split(|b| !b.is_ascii_alphanumeric()).any(is_technique);
        prop_assume!(!words(&bytes) && !words(&other));
        prop_assert_eq!(skeleton(&bytes), skeleton(&other));
    }

    #[test]
    fn words_between_numbers_survive(words in prop::collection::vec("[g-l]{2,12}", 1..20)) {
        let message: Vec<String> =
            words.iter().enumerate().map(|(n, word)| format!("[{word}] {n},")).collect();
        let expected: Vec<String> = words.iter().map(|word| format!("{word} <*>")).collect();
        prop_assert_eq!(skeleton(message.join(" ").as_bytes()), expected.join(" ").into_bytes());
    }
}
