//! Tests of identity of traces: what it does not depend on, what it does, and its bounds.
//! `limit_`: what happens at each bound.
#![allow(
    clippy::disallowed_methods,
    reason = "tests take their number of cases from the environment"
)]

use super::*;
use crate::rules::UserRules;
use crate::skeleton::skeleton;
use proptest::prelude::*;

/// Returns the skeleton of a trace whose first line is the message.
fn id(text: &str) -> String {
    id_with(text, &FrameRules::default())
}

fn id_with(text: &str, rules: &FrameRules) -> String {
    let (message, trace) = text.split_once('\n').unwrap_or((text, ""));
    let found =
        identity(message.as_bytes(), trace.as_bytes(), b"", b"", rules, &UserRules::default());
    found.map_or_else(|| "none".to_owned(), |found| String::from_utf8(found.skeleton).unwrap())
}

fn shown(text: &str) -> String {
    let (message, trace) = text.split_once('\n').unwrap();
    let rules = FrameRules::default();
    identity(message.as_bytes(), trace.as_bytes(), b"", b"", &rules, &UserRules::default())
        .unwrap()
        .text
}

fn explained(text: &str) -> ExplainedTrace {
    let (message, trace) = text.split_once('\n').unwrap();
    explain(
        message.as_bytes(),
        trace.as_bytes(),
        b"",
        b"",
        &FrameRules::default(),
        &UserRules::default(),
    )
    .unwrap()
}

const JVM: &str = "java.lang.IllegalStateException: pool 7 closed
\tat com.shop.pay.Pool.borrow(Pool.java:88)
\tat com.shop.pay.Payment.charge(Payment.java:12)
\tat java.base/java.lang.Thread.run(Thread.java:833)";

const WRAPPED: &str = "com.shop.JobFailed: job 12
\tat com.shop.Job.run(Job.java:9)
Caused by: java.lang.IllegalStateException: pool 7 closed
\tat com.shop.pay.Pool.borrow(Pool.java:88)
\tat com.shop.pay.Payment.charge(Payment.java:12)
\t... 3 more";

/// These bytes are what stored ids are made of. If this test fails, the algorithm has changed: it
/// needs a new `FINGERPRINT_VERSION`.
#[test]
fn golden_skeletons_are_what_they_always_were() {
    assert_eq!(
        id(WRAPPED),
        "<trace>\nT:java.lang.IllegalStateException\nT:com.shop.JobFailed\n\
         F:com.shop.pay.Pool.borrow\nF:com.shop.pay.Payment.charge"
    );
}

#[test]
fn identity_does_not_depend_on_line_numbers_values_or_locale() {
    let other = JVM.replace("88", "91").replace("pool 7 closed", "Verbindungspool 9 geschlossen");
    assert_eq!(id(JVM), id(&other));
}

#[test]
fn identity_does_not_depend_on_modules_and_class_loaders() {
    let other = JVM.replace("at com", "at app//com").replace("java.base/", "java.base@17.0.2/");
    assert_eq!(id(JVM), id(&other));
}

#[test]
fn identity_does_not_depend_on_proxies_and_generated_accessors() {
    let made = "\tat com.sun.proxy.$Proxy12.charge(Unknown Source)\n\
        \tat com.shop.pay.Payment$$EnhancerBySpringCGLIB$$1a2b.charge(<generated>)\n\
        \tat jdk.internal.reflect.GeneratedMethodAccessor12.invoke(Unknown Source)\n\tat java.base";
    assert_eq!(id(JVM), id(&JVM.replace("\tat java.base", made)));
}

#[test]
fn identity_does_not_depend_on_the_header_in_front() {
    assert_eq!(id(JVM), id(&format!("charge of order 12 failed\n{JVM}")));
    assert_eq!(id(JVM), id(&format!("Servlet threw {JVM}")));
}

#[test]
fn identity_does_not_depend_on_how_many_frames_are_left_out() {
    assert_eq!(id(WRAPPED), id(&WRAPPED.replace("... 3 more", "... 41 common frames omitted")));
}

#[test]
fn identity_does_not_depend_on_what_was_suppressed() {
    let other = WRAPPED.replace(
        "Caused by",
        "\tSuppressed: java.io.IOException: cannot close\n\t\tat com.shop.File.close(File.java:1)\n\
         \tCaused by: java.io.EOFException\n\t\tat com.shop.File.flush(File.java:2)\nCaused by",
    );
    assert_eq!(id(WRAPPED), id(&other));
}

#[test]
fn identity_does_not_depend_on_colours_and_line_ends() {
    assert_eq!(id(JVM), id(&JVM.replace('\n', "\r\n")));
    assert_eq!(id(JVM), id(&JVM.replace("com.shop", "\u{1b}[31mcom\u{1b}[0m.shop")));
}

#[test]
fn identity_does_not_depend_on_the_depth_of_a_recursion() {
    let frame = "\tat com.shop.Tree.walk(Tree.java:3)\n\tat com.shop.Tree.visit(Tree.java:9)\n";
    let of = |depth| id(&format!("java.lang.StackOverflowError\n{}", frame.repeat(depth)));
    assert_eq!(of(2), of(500));
}

#[test]
fn identity_does_not_depend_on_where_python_code_is_deployed_or_on_carets() {
    let text = "Traceback (most recent call last):\n  File \"/srv/shop/releases/20240101/shop/api.py\", line 3, in post\n    total(x)\n  File \"/srv/shop/releases/20240101/shop/cart.py\", line 9, in total\n    y[x]\nKeyError: 'a'";
    let other = text.replace("/srv/shop/releases/20240101/", "/app/");
    let other = other.replace("    y[x]\n", "    y[x]\n    ~^^^\n").replace("'a'", "'b'");
    assert_eq!(id(text), id(&other));
    assert_eq!(id(text), id(&text.replace("  File", "File").replace("    ", "")));
}

#[test]
fn types_functions_and_codes_tell_traces_apart() {
    assert_ne!(id(JVM), id(&JVM.replace("IllegalState", "IllegalArgument")));
    assert_ne!(id(JVM), id(&JVM.replace("Pool.borrow", "Pool.lend")));
    assert_ne!(id(JVM), id(&JVM.replace("Payment.charge", "Refund.pay")));
    assert_ne!(id(WRAPPED), id(&WRAPPED.replace("IllegalState", "IllegalArgument")));
    assert_ne!(id(JVM), id(&JVM.replace("pool 7 closed", "SQLSTATE 40001")));
    assert_ne!(id(JVM), id(&JVM.replace("pool 7 closed", "refused ECONNREFUSED")));
}

#[test]
fn one_root_under_two_wrappers_has_two_ids_and_one_root() {
    let other = WRAPPED.replace("com.shop.JobFailed", "com.shop.RequestFailed");
    assert_ne!(id(WRAPPED), id(&other));
    assert_eq!(explained(WRAPPED).root, explained(&other).root);
    assert_eq!(explained(WRAPPED).root, explained(JVM).root);
}

#[test]
fn without_in_app_frames_the_wrappers_or_the_libraries_decide() {
    let of = |caller: &str, library: &str| {
        id(&format!(
            "org.dao.DaoException: x\n\tat org.springframework.Dao.get(Dao.java:1)\n{caller}\
             Caused by: java.sql.SQLException: y\n\tat org.postgresql.{library}.run(Q.java:2)\n\
             \tat org.postgresql.Other.run(O.java:2)\n"
        ))
    };
    let ours = "\tat com.shop.Orders.get(Orders.java:1)\n";
    assert_ne!(of(ours, "A"), of(&ours.replace("Orders", "Users"), "A"));
    assert_eq!(of(ours, "A"), of(ours, "B"));
    assert_ne!(of("", "A"), of("", "B"));
}

#[test]
fn a_thin_trace_is_known_by_its_message() {
    let of =
        |message: &str| id(&format!("java.lang.Error: {message}\n\tat com.shop.A.b(A.java:1)"));
    assert_eq!(of("no shelf 12"), of("no shelf 13"));
    assert_ne!(of("no shelf 12"), of("no basket 12"));
    let of = |first: &str| id(&format!("{first}\njava.lang.NullPointerException: null"));
    assert_eq!(of("cannot tax order 1"), of("cannot tax order 2"));
    assert_ne!(of("cannot tax order 1"), of("cannot mail user 1"));
}

#[test]
fn a_line_without_frames_or_a_plain_record_is_no_trace() {
    assert_eq!(id("java.lang.IllegalStateException: x"), "none");
    assert_eq!(id("hello\n  world\n  at last"), "none");
    assert_eq!(id("SELECT *\n  FROM users\n WHERE id = 1"), "none");
    assert_eq!(id(""), "none");
}

#[test]
fn fields_of_a_structured_record_name_the_exception() {
    let rules = FrameRules::default();
    let of = |message: &str, trace: &str, kind: &str, text: &str| {
        let found = identity(
            message.as_bytes(),
            trace.as_bytes(),
            kind.as_bytes(),
            text.as_bytes(),
            &rules,
            &UserRules::default(),
        );
        String::from_utf8(found.unwrap().skeleton).unwrap()
    };
    assert_eq!(
        of("order 1 failed", "", "PoolClosed", "pool 3"),
        of("order 2 failed", "", "PoolClosed", "pool 4")
    );
    assert_ne!(of("x", "", "PoolClosed", "pool 3"), of("x", "", "PoolClosed", "no space"));
    // A stack field alone, without its type.
    let stack = JVM.split_once('\n').unwrap().1;
    assert_eq!(of("charge failed", stack, "java.lang.IllegalStateException", "pool 7"), id(JVM));
    assert_eq!(of("charge failed", JVM, "IllegalStateException", "pool 7"), id(JVM));
}

#[test]
fn rules_change_what_is_in_app() {
    let rules =
        FrameRules { not_in_app: vec!["com.shop.pay.Pool".to_owned()], ..FrameRules::default() };
    assert!(!id_with(JVM, &rules).contains("Pool.borrow"));
    let rules = FrameRules { in_app: vec!["java.lang.Thread".to_owned()], ..FrameRules::default() };
    assert!(id_with(JVM, &rules).contains("F:java.lang.Thread.run"));
}

#[test]
fn the_displayed_text_is_one_readable_line() {
    assert_eq!(shown(JVM), "IllegalStateException: pool <num> closed  at Pool.borrow");
    assert_eq!(
        shown(
            "panic: runtime error: index out of range [5] with length 3\n\ngoroutine 1 [running]:\nmain.take(...)\n\t/app/m.go:1\nmain.main()\n\t/app/m.go:2 +0x1"
        ),
        "panic: runtime error: index out of range [<num>] with length <num>  at main.take"
    );
}

#[test]
fn the_explanation_says_which_frames_counted() {
    let explained = explained(WRAPPED);
    assert_eq!((explained.language, explained.rung), (Language::Jvm, Rung::InApp));
    let counts =
        |at: usize| explained.causes[at].frames.iter().map(|one| one.counts).collect::<Vec<_>>();
    assert_eq!((counts(0), counts(1)), (vec![true, true], vec![false]));
}

#[test]
fn no_message_has_the_skeleton_of_a_trace() {
    for message in ["<trace>", "<trace> T:a", TRACE_MARKER] {
        assert!(!skeleton(message.as_bytes()).starts_with(TRACE_MARKER.as_bytes()));
    }
    // Nor do words that vary ever reach into one.
    assert!(!id(WRAPPED).contains(' '));
}

#[test]
fn limit_only_the_innermost_functions_count() {
    let of = |count: usize| {
        let frames: String =
            (0..count).map(|at| format!("\tat com.shop.S{}x.f(S.java:1)\n", letters(at))).collect();
        id(&format!("java.lang.Error: x\n{frames}"))
    };
    assert_eq!(of(FUNCTIONS_MAX), of(FUNCTIONS_MAX + 5));
    assert_ne!(of(FUNCTIONS_MAX), of(FUNCTIONS_MAX - 1));
}

fn letters(number: usize) -> String {
    number.to_string().bytes().map(|digit| char::from(digit - b'0' + b'a')).collect()
}

#[test]
fn limit_a_long_chain_keeps_the_causes_nearest_to_the_root() {
    let mut text = JVM.to_owned();
    for at in 0..CAUSES_MAX + 9 {
        let name = letters(at);
        text.push_str(&format!(
            "\nCaused by: com.shop.{name}Exception: x\n\tat com.shop.A.{name}(A.java:1)"
        ));
    }
    let explained = explained(&text);
    assert_eq!(explained.causes.len(), CAUSES_MAX);
    assert_eq!(explained.causes[0].kind, format!("com.shop.{}Exception", letters(CAUSES_MAX + 8)));
}

#[test]
fn limit_frames_of_a_cause_are_the_innermost() {
    let deep = "\tat com.shop.A.f(A.java:1)\n".repeat(FRAMES_MAX + 7);
    assert_eq!(explained(&format!("java.lang.Error\n{deep}")).causes[0].frames.len(), FRAMES_MAX);
    let deep = "  File \"a.py\", line 1, in f\n".repeat(3 * FRAMES_MAX);
    let text = format!(
        "Traceback (most recent call last):\n{deep}  File \"a.py\", line 1, in g\nKeyError"
    );
    let cause = &explained(&text).causes[0];
    assert!(cause.frames.len() <= FRAMES_MAX);
    assert_eq!(cause.frames[0].function, "a:g");
}

#[test]
fn limit_of_a_long_trace_both_ends_are_looked_at() {
    let filler = "x".repeat(79) + "\n";
    let text =
        format!("{JVM}\n{}{}", filler.repeat(2 * TRACE_BYTES_MAX / 80), "Caused by: com.shop.E: y");
    assert_eq!(explained(&text).causes.len(), 2);
    let hidden =
        format!("{JVM}\n{0}Caused by: com.shop.E: y\n{0}", filler.repeat(TRACE_BYTES_MAX / 80));
    assert_eq!(explained(&hidden).causes.len(), 1);
}

#[test]
fn limit_a_long_name_is_cut() {
    let name = "a".repeat(10 * NAME_BYTES_MAX);
    let text = format!(
        "java.lang.Error: x\n\tat com.shop.{name}.f(A.java:1)\n\tat com.shop.B.g(B.java:1)"
    );
    assert!(id(&text).len() < 2 * NAME_BYTES_MAX);
}

fn cases() -> ProptestConfig {
    let asked = std::env::var("SEISMOLOG_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig { cases: asked.unwrap_or(256), ..ProptestConfig::default() }
}

/// Lines that readers take notice of, and parts of them.
fn any_line() -> impl Strategy<Value = String> {
    let known: Vec<String> =
        [JVM, WRAPPED].iter().flat_map(|text| text.lines()).map(str::to_owned).collect();
    let parts = [
        "at ",
        "Caused by: ",
        "File \"",
        "\", line 1, in ",
        "  File \"a.py\", line 1, in f",
        "goroutine 1 [running]:",
        "\t/a.go:1 +0x1",
        "panic: ",
        "thread 'x' panicked at ",
        "stack backtrace:",
        "   1: a::b",
        "#0 /a.php(1): A->b()",
        "#1 {main}",
        "a.rb:1:in `f': x (E)",
        "\tfrom a.rb:1:in `g'",
        "   at A.B.C(D e) in f:line 1",
        " ---> ",
        "--- End of inner exception stack trace ---",
        "f@http://a/b.js:1:2",
        "    at f (b.js:1:2)",
        "[cause]: E",
        "  | ",
        "  +-+---- 1 ----",
        "Traceback (most recent call last):",
        "<",
        ">",
        "(",
        ")",
        "::",
        "{{",
        "'",
        "`",
        "é",
        "\u{1b}[1m",
        ":",
        "[object] (A(code: 1): x at /b.php:2)",
        "Next ",
        "Caused by:",
        "    0: x",
    ];
    let parts: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
    let part = prop_oneof![proptest::sample::select(parts), ".{0,6}"];
    prop_oneof![
        proptest::sample::select(known),
        proptest::collection::vec(part, 0..5).prop_map(|parts| parts.concat()),
    ]
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn no_lines_break_anything(lines in proptest::collection::vec(any_line(), 0..12)) {
        let text = lines.join("\n");
        let first = id(&text);
        prop_assert_eq!(&first, &id(&text));
        prop_assert!(first == "none" || first.starts_with(TRACE_MARKER));
    }

    #[test]
    fn no_bytes_break_anything(
        message in proptest::collection::vec(any::<u8>(), 0..80),
        trace in proptest::collection::vec(any::<u8>(), 0..300),
        kind in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let rules = FrameRules::default();
        let texts = UserRules::default();
        identity(&message, &trace, &kind, &message, &rules, &texts);
        explain(&message, &trace, &kind, b"", &rules, &texts);
    }
}

/// Bytes on which a reader that looks twice at what it has seen would take for ever.
#[test]
fn hostile_bytes_cost_no_more_than_their_length() {
    let hostile = [
        "<",
        "(",
        "at (",
        "at a.b(",
        "[",
        "{",
        " as ",
        "::",
        "File \"",
        ": ",
        "#1 a(1): ",
        "a.go:1\n",
        "\n",
        "Caused by: ",
        " ---> ",
        "[a] ",
        "at a.b(C.java:1)\n",
        "  1: <<a as b>>::c\n",
        "goroutine 1 [running]:\n",
        "[cause]: E\n",
        "  + Exception Group Traceback (most recent call last):\n",
        "a.rb:1:in `f': x\n",
        "$",
        "a.b ",
        "Traceback (most recent call last):\n",
        "Next A: b\n#1 {main}\n",
        "panic: a\n",
    ];
    for part in hostile {
        let text = part.repeat(TRACE_BYTES_MAX / part.len());
        for front in [
            "",
            "java.lang.Error\n\tat a.b(C.java:1)\n",
            "x\n  File \"a\", line 1, in f\n",
            "x\n#0 a(1): b()\n",
            "x\na.rb:1:in `f': x\n",
            "x\n    at f (a.js:1:2)\n",
        ] {
            id(&format!("{front}{text}"));
        }
    }
}
