//! Traces of the JVM: chains of causes, suppressed exceptions (which never count), generated
//! classes, and the names that compilers of Java, Kotlin and Scala give to closures.

use super::head::{Head, find_head, head_at_start};
use super::lines::indent;
use super::model::{Cause, Frame, Language, NAME_BYTES_MAX, Origin, Trace, cut, push_deeper};
use super::origin::{FrameRules, origin_of_name};

/// A frame as printed: class and method with what stands in front, and the place in brackets.
struct Printed<'t> {
    name: &'t str,
    place: &'t str,
}

/// Returns whether `line` is a frame.
pub(super) fn is_frame(line: &str) -> bool {
    printed(line).is_some()
}

/// Returns the trace in `lines`.
pub(super) fn read(lines: &[&str], rules: &FrameRules) -> Option<Trace> {
    let first = lines.iter().position(|line| is_frame(line) || cause_of(line).is_some())?;
    let head = find_head(&lines[..first], true).unwrap_or_default();
    let mut causes = vec![Cause::of(simplified(head))];
    let mut is_root_first = false;
    let mut suppressed: Option<usize> = None;
    for line in &lines[first..] {
        if let Some((rest, wraps)) = cause_of(line) {
            // The cause of a suppressed exception is indented with it.
            if suppressed.is_some_and(|depth| depth > 0 && indent(line) >= depth) {
                continue;
            }
            suppressed = None;
            is_root_first |= wraps;
            push_deeper(&mut causes, Cause::of(simplified(head_of(rest))));
        } else if line.trim_start().starts_with("Suppressed: ") {
            suppressed = suppressed.or(Some(indent(line)));
        } else if line.trim() == "Original Stack Trace:" {
            suppressed = None;
        } else if suppressed.is_none()
            && let (Some(printed), Some(cause)) = (printed(line), causes.last_mut())
        {
            cause.push(frame(&printed, rules));
        }
    }
    if is_root_first {
        Trace::of_root_first(Language::Jvm, causes)
    } else {
        Trace::of_outer_first(Language::Jvm, causes)
    }
}

/// Returns what follows `Caused by: ` or `Wrapped by: `, and whether it is the latter.
fn cause_of(line: &str) -> Option<(&str, bool)> {
    let line = line.trim_start();
    let caused = line.strip_prefix("Caused by: ").map(|rest| (rest, false));
    caused.or_else(|| line.strip_prefix("Wrapped by: ").map(|rest| (rest, true)))
}

fn head_of(text: &str) -> Head<'_> {
    head_at_start(text).unwrap_or(Head { kind: "", message: text, code: None })
}

/// Returns `head` without the number of an anonymous class.
fn simplified(head: Head<'_>) -> Head<'_> {
    let kind = head.kind.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let kind = kind.strip_suffix('$').unwrap_or(head.kind);
    Head { kind, ..head }
}

fn printed(line: &str) -> Option<Printed<'_>> {
    let rest = line.trim_start().strip_prefix("at ")?;
    let (name, rest) = rest.split_once('(')?;
    let (place, _) = rest.split_once(')')?;
    let is_name = name.contains('.') && !name.contains([' ', '<', '>', ',']);
    let is_special = name.ends_with(".<init>") || name.ends_with(".<clinit>");
    ((is_name || is_special && !name.contains(' ')) && is_place(place))
        .then_some(Printed { name, place })
}

/// Returns whether `place` is where a method may be: `Cart.java:12`, `Native Method`.
fn is_place(place: &str) -> bool {
    if matches!(
        place,
        "Native Method" | "Unknown Source" | "<generated>" | "SourceFile" | "Redacted"
    ) {
        return true;
    }
    let (file, line) = place.rsplit_once(':').unwrap_or((place, ""));
    let is_line = super::lines::is_digits(line);
    let is_file = file.rsplit_once('.').is_some_and(|(name, extension)| {
        let extensions =
            ["java", "kt", "kts", "scala", "groovy", "clj", "cljc", "gradle", "sc", "xtend"];
        !name.is_empty() && extensions.contains(&extension)
    });
    let has_no_path = !file.contains(['/', '\\', ',']);
    has_no_path && (is_file || is_line && (!file.contains(' ') || file == "Unknown Source"))
}

fn frame(printed: &Printed<'_>, rules: &FrameRules) -> Frame {
    let name = without_loader(cut(printed.name, NAME_BYTES_MAX));
    let is_made = printed.place == "<generated>" || is_generated(printed.name);
    let known = if is_made { Origin::Generated } else { origin_of_name(Language::Jvm, &name) };
    Frame { origin: rules.judge(&name, "", known), function: simple_name(&name) }
}

/// Returns the name without class loader, module and its version (`app//`, `java.base@17/`), and
/// without the suffix of a hidden class (`/0x0000000800c03000`).
fn without_loader(name: &str) -> String {
    let mut kept = String::new();
    for (at, part) in name.split('/').enumerate() {
        if at > 0 && part.starts_with("0x") {
            let rest = part.find('.').map_or("", |dot| &part[dot..]);
            kept.push_str(rest);
        } else {
            kept.clear();
            kept.push_str(part);
        }
    }
    kept
}

/// Returns whether the class was made while the program ran or by a framework's compiler.
fn is_generated(name: &str) -> bool {
    const PARTS: [&str; 17] = [
        "$$Lambda",
        "$$EnhancerBy",
        "$$FastClassBy",
        "$$SpringCGLIB$$",
        "$$Generated",
        "$$Hidden",
        "ByCGLIB$$",
        "$HibernateProxy$",
        "$MockitoMock$",
        "$ByteBuddy$",
        "$auxiliary$",
        "_$$_javassist",
        "_$$_jvst",
        "_$$_Weld",
        "_ClientProxy.",
        "_Subclass.",
        "LambdaForm$",
    ];
    const CLASSES: [&str; 4] = [
        "GeneratedMethodAccessor",
        "GeneratedConstructorAccessor",
        "GeneratedSerializationConstructorAccessor",
        "$Proxy",
    ];
    let numbered = |class: &str| {
        name.find(class).is_some_and(|at| {
            name[at + class.len()..].starts_with(|letter: char| letter.is_ascii_digit())
        })
    };
    PARTS.iter().any(|part| name.contains(part))
        || CLASSES.iter().any(|class| numbered(class))
        || name.rsplit('.').next().is_some_and(|method| {
            // An accessor of a private member, or the bridge to a default argument.
            method.starts_with("access$") || method == "$deserializeLambda$"
        })
}

/// Returns `package.Class.method` without the parts that compilers number: anonymous and local
/// classes, lambdas, bridges.
fn simple_name(name: &str) -> String {
    let (class, method) = name.rsplit_once('.').unwrap_or(("", name));
    let (package, class) = class.rsplit_once('.').unwrap_or(("", class));
    let class = named_parts(class);
    let method = named_parts(method.split('-').next().unwrap_or(method));
    let method = if method.is_empty() { "lambda".to_owned() } else { method };
    [package, &class, &method]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(".")
}

/// Returns the parts of `name` between `$` that a person has named.
fn named_parts(name: &str) -> String {
    const MADE: [&str; 9] = [
        "anonfun",
        "lambda",
        "adapted",
        "default",
        "suspendImpl",
        "anon",
        "null",
        "sam",
        "inlined",
    ];
    let is_named = |part: &&str| {
        let begins_digit = part.starts_with(|letter: char| letter.is_ascii_digit());
        !part.is_empty() && !begins_digit && !MADE.contains(part)
    };
    let name = name.split("$lambda-").next().unwrap_or(name);
    name.split('$').filter(is_named).collect::<Vec<_>>().join("$")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(line: &str) -> (String, Origin) {
        let frame = frame(&printed(line).unwrap(), &FrameRules::default());
        (frame.function, frame.origin)
    }

    #[test]
    fn names_are_free_of_what_compilers_number() {
        for line in [
            "\tat com.shop.Cart.total(Cart.java:42)",
            "\tat app//com.shop.Cart.total(Cart.java:7)",
            "\tat com.shop.Cart.lambda$total$0(Cart.java:43)",
            "\tat com.shop.Cart$.$anonfun$total$1(Cart.scala:43)",
            "\tat com.shop.Cart$.$anonfun$total$1$adapted(Cart.scala:43)",
            "\tat com.shop.Cart$2.total(Cart.java:43)",
            "\tat com.shop.Cart.total$default(Cart.kt:43)",
            "\tat com.shop.Cart.total-IoAF18A(Cart.kt:43) ~[classes/:na]",
            "\tat shop@1.2/com.shop.Cart.total(Unknown Source)",
        ] {
            assert_eq!(function(line), ("com.shop.Cart.total".to_owned(), Origin::App), "{line}");
        }
    }

    #[test]
    fn generated_classes_are_known() {
        for line in [
            "at com.sun.proxy.$Proxy12.charge(Unknown Source)",
            "at com.shop.Cart$$EnhancerBySpringCGLIB$$1a2b.total(<generated>)",
            "at com.shop.Cart$$SpringCGLIB$$0.total(<generated>)",
            "at com.shop.Cart$$Lambda$14/0x0000000800066840.run(Unknown Source)",
            "at com.shop.Cart$$Lambda/0x00007f1c.apply(Unknown Source)",
            "at jdk.internal.reflect.GeneratedMethodAccessor12.invoke(Unknown Source)",
            "at com.shop.Cart.access$000(Cart.java:12)",
        ] {
            assert_eq!(function(line).1, Origin::Generated, "{line}");
        }
        assert_eq!(
            function("at com.shop.Job/0x0000000800c03000.run(Job.java)").0,
            "com.shop.Job.run"
        );
        assert_eq!(
            function("at java.base/java.lang.Thread.run(Thread.java:1)").1,
            Origin::Standard
        );
    }

    #[test]
    fn frames_of_other_languages_are_not_taken() {
        for line in [
            "   at Shop.Cart.Total(Order order) in /src/Cart.cs:line 12",
            "   at Shop.Cart.Total()",
            "    at Cart.total (/srv/cart.js:1:2)",
            "    at file:///srv/cart.js:1:2",
            "at noon (12:30)",
        ] {
            assert!(!is_frame(line), "{line}");
        }
    }
}
