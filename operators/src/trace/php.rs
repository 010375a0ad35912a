//! Traces of PHP. A line names the function that was called and where it was called from, so that
//! a function's own file is that of the line above it, or the place of the throw.

use super::head::{Head, head_at_start, head_within};
use super::lines::{before_number, is_digits};
use super::model::{
    Cause, FRAMES_MAX, Frame, Language, NAME_BYTES_MAX, Origin, Trace, cut, push_deeper,
};
use super::origin::{FrameRules, origin_of_name, origin_of_path};
use super::path::path_key;

/// A line as printed: the function, empty in `{main}`, and the place of the call, if known.
struct Call<'t> {
    function: &'t str,
    place: Option<(&'t str, &'t str)>,
}

/// One exception while it is read.
struct Section<'t> {
    cause: Cause,
    /// File and line of the throw.
    thrown: Option<(&'t str, &'t str)>,
    calls: Vec<Call<'t>>,
}

/// Returns whether `line` is a frame.
pub(super) fn is_frame(line: &str) -> bool {
    printed(line).is_some()
}

/// Returns the trace in `lines`.
pub(super) fn read(lines: &[&str], rules: &FrameRules) -> Option<Trace> {
    let first = lines.iter().position(|line| is_frame(line))?;
    let before = &lines[..first];
    let head = before.iter().find_map(|line| section(line));
    let message = before.first().copied().unwrap_or("");
    let mut sections = vec![head.unwrap_or_else(|| Section {
        cause: Cause::new("", message),
        thrown: before.iter().find_map(|line| thrown(line)),
        calls: Vec::new(),
    })];
    let mut is_root_first = true;
    for line in &lines[first..] {
        if let Some(call) = printed(line) {
            if let Some(section) = sections.last_mut()
                && section.calls.len() < FRAMES_MAX
            {
                section.calls.push(call);
            }
            continue;
        }
        let text = line.trim();
        let next = text.strip_prefix("Next ");
        let previous = text.strip_prefix("[previous exception] ");
        let Some(section) = next.or(previous).and_then(section) else { continue };
        is_root_first = previous.is_none();
        if sections.len() < super::model::CAUSES_MAX {
            sections.push(section);
        } else if !is_root_first {
            sections.remove(0);
            sections.push(section);
        }
    }
    let mut causes = Vec::new();
    for section in sections {
        push_deeper(&mut causes, finished(section, rules));
    }
    if is_root_first {
        Trace::of_root_first(Language::Php, causes)
    } else {
        Trace::of_outer_first(Language::Php, causes)
    }
}

/// Returns the exception that `line` announces: `Uncaught Type: message in FILE:12`,
/// `[object] (Type(code: 0): message at FILE:12)`.
fn section(line: &str) -> Option<Section<'_>> {
    if let Some((_, object)) = line.split_once("[object] (") {
        let (kind, rest) = object.split_once("(code: ")?;
        let (code, message) = rest.split_once("): ")?;
        let message = message.split_once(" at ").map_or(message, |(message, _)| message);
        let mut cause = Cause::new(&kind.replace("\\\\", "\\"), message);
        if code != "0" && code.len() <= 8 && !cause.codes.iter().any(|one| one.ends_with(code)) {
            cause.codes.push(format!("code {code}"));
        }
        return Some(Section { cause, thrown: thrown(line), calls: Vec::new() });
    }
    let text = line.split_once("Uncaught ").map_or(line, |(_, rest)| rest);
    let text = text.strip_prefix("PHP Exception ").unwrap_or(text).trim_start();
    let named = head_at_start(text).filter(|head| is_class(head.kind));
    let head = named.or_else(|| head_within(line))?;
    let message = head.message.rsplit_once(" in ").map_or(head.message, |(message, _)| message);
    let kind = head.kind.trim_start_matches('\\');
    let cause = Cause::of(Head { kind, message, code: head.code });
    Some(Section { cause, thrown: thrown(line), calls: Vec::new() })
}

fn is_class(kind: &str) -> bool {
    kind.contains('\\') || kind.starts_with(|letter: char| letter.is_ascii_uppercase())
}

/// Returns file and line with which `line` ends: ` in FILE:12`, ` at FILE:12)`, ` in FILE on line 12`.
fn thrown(line: &str) -> Option<(&str, &str)> {
    let text = line.trim_end_matches([')', ' ', '"', '}']);
    let at =
        text.rfind(" in /").or(text.rfind(" at /")).or(text.rfind(" in ")).or(text.rfind(" at "))?;
    let place = text[at + 4..].trim();
    let (file, number) = place.split_once(" on line ").or(place.rsplit_once(':'))?;
    is_digits(number).then_some((file, number))
}

fn printed(line: &str) -> Option<Call<'_>> {
    let rest = line.trim().strip_prefix('#')?;
    let (number, rest) = rest.split_once(' ')?;
    if !is_digits(number) {
        return None;
    }
    if rest.starts_with("{main}") {
        return Some(Call { function: "", place: None });
    }
    if let Some(call) = rest.strip_prefix("[internal function]: ") {
        return Some(Call { function: function(call), place: None });
    }
    let (place, call) = rest.split_once("): ")?;
    let (file, number) = place.rsplit_once('(')?;
    is_digits(number).then(|| Call { function: function(call), place: Some((file, number)) })
}

/// Returns the function of a call, without arguments. A closure's name may hold brackets.
fn function(call: &str) -> &str {
    let mut depth = 0_usize;
    for (at, letter) in call.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            '(' if depth == 0 => return cut(&call[..at], NAME_BYTES_MAX),
            _ => {}
        }
    }
    cut(call, NAME_BYTES_MAX)
}

/// Returns the cause with its frames.
fn finished(section: Section<'_>, rules: &FrameRules) -> Cause {
    let mut cause = section.cause;
    let mut own = section.thrown;
    let mut is_called_back = false;
    for call in &section.calls {
        if call.function.is_empty() {
            // The script itself, as far as it is known.
            if let Some((file, _)) = own {
                let origin = rules.judge("{main}", file, origin_of_path(file));
                cause.push(Frame { function: format!("{}:{{main}}", path_key(file)), origin });
            }
            continue;
        }
        // What PHP itself implements throws where it is called.
        let is_internal = is_called_back || own.is_some() && own == call.place;
        let file = if is_internal { None } else { own.map(|(file, _)| file) };
        cause.push(frame(call.function, file, is_internal, rules));
        own = call.place;
        // What is called from nowhere is called by the function in the next line.
        is_called_back = own.is_none();
    }
    cause
}

fn frame(name: &str, file: Option<&str>, is_internal: bool, rules: &FrameRules) -> Frame {
    let function = simple_name(name);
    let of_name = origin_of_name(Language::Php, &function);
    let known = match file {
        _ if is_internal => Origin::Standard,
        Some(file) if origin_of_path(file) != Origin::App => Origin::Library,
        _ => of_name,
    };
    let origin = rules.judge(&function, file.unwrap_or(""), known);
    let is_global = !function.contains("::") && !function.contains('\\');
    match file {
        Some(file) if is_global => {
            Frame { function: format!("{}:{function}", path_key(file)), origin }
        }
        _ => Frame { function, origin },
    }
}

/// Returns `Class::method`, closures without the line they begin in, anonymous classes without file.
fn simple_name(name: &str) -> String {
    // Within JSON, separators of namespaces are doubled.
    let name = name.replace("->", "::").replace("\\\\", "\\");
    let (before, method) = name.rsplit_once("::").unwrap_or(("", &name));
    if let Some(at) = name.find("{closure") {
        let inner = name[at + "{closure".len()..].trim_start_matches(':').trim_end_matches('}');
        let inner = before_number(inner).unwrap_or(inner).trim_end_matches("()");
        let class = name[..at].trim_end_matches([':', '\\']);
        let class = class.split("::").next().unwrap_or(class);
        let within = if inner.contains("::") || class.is_empty() { inner } else { class };
        return format!("{within}::{{closure}}");
    }
    match before.split_once("@anonymous") {
        Some((class, _)) => format!("{class}@anonymous::{method}"),
        None => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_read_without_arguments_and_numbers() {
        let name = |line: &str| simple_name(printed(line).unwrap().function);
        assert_eq!(
            name("#0 /srv/Db.php(12): App\\Db->connect('x', Object(Y))"),
            "App\\Db::connect"
        );
        assert_eq!(name("#1 [internal function]: App\\Db::connect(Array)"), "App\\Db::connect");
        assert_eq!(
            name("#2 /srv/a.php(1): App\\Db->App\\{closure}(Object(X))"),
            "App\\Db::{closure}"
        );
        assert_eq!(
            name("#2 /srv/a.php(1): {closure:App\\Db::run():12}(1)"),
            "App\\Db::run::{closure}"
        );
        assert_eq!(
            name("#2 /srv/a.php(1): class@anonymous/srv/x.php:1$0->go()"),
            "class@anonymous::go"
        );
    }

    #[test]
    fn the_exception_is_read_from_the_line_that_announces_it() {
        let of = |line: &str| {
            section(line).map(|one| {
                (one.cause.kind, one.cause.message, one.thrown.map(|at| at.0.to_owned()))
            })
        };
        let fatal =
            "PHP Fatal error:  Uncaught PDOException: SQLSTATE[HY000] refused in /srv/Db.php:12";
        let expected = (
            "PDOException".to_owned(),
            "SQLSTATE[HY000] refused".to_owned(),
            Some("/srv/Db.php".to_owned()),
        );
        assert_eq!(of(fatal), Some(expected));
        let logged = "save failed {\"exception\":\"[object] (App\\\\SaveError(code: 7): no disk at /srv/Save.php:3)";
        assert_eq!(
            of(logged).map(|one| (one.1, one.2)),
            Some(("no disk".to_owned(), Some("/srv/Save.php".to_owned())))
        );
    }
}
