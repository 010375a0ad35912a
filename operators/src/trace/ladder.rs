//! The ladder: from a trace to what identity is made of. The first rung that holds decides.
//!
//! ```text
//! chain of types, root first ─┬─ in-app functions of the root, else of what wraps it nearest
//!                             ├─ first library function and the innermost one
//!                             └─ one frame or none: also the message's skeleton
//! ```
//! The innermost functions say where it failed; the outermost ones (entry points, middleware,
//! schedulers) say how the program got there and change with deployment, so that only
//! [`FUNCTIONS_MAX`] count. Repeated runs of functions are one, so that the depth of a recursion
//! does not matter. A message counts only where hardly anything else is known, since it holds
//! values and is in the language of the machine.
//! *Promises:* a skeleton begins with [`TRACE_MARKER`], which no message's skeleton does, and has
//! no space before the words of a message, so that it is never taken for words that vary.

use super::head::short_name;
use super::model::{Cause, Frame, Origin};
use super::origin::FrameRules;
use super::read::{Reading, read};
use crate::rules::{MATCHES_MAX, UserRules};
use crate::skeleton::MARKER;
use engine::model::Template;

/// How a trace's skeleton begins. No word contains `<`.
pub const TRACE_MARKER: &str = "<trace>";
/// What stands before a function that is not the application's own.
pub const LIBRARY_MARK: &str = "library";
/// How many of the application's functions count, from the innermost outwards.
pub const FUNCTIONS_MAX: usize = 8;
/// How many functions a repeated run may have.
const PERIOD_MAX: usize = 8;
/// With so many frames or fewer the message counts too.
const FRAMES_THIN: usize = 1;

/// What decided beside the chain of types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rung {
    /// Functions of the application.
    InApp,
    /// Functions of libraries: no frame is the application's.
    Library,
    /// The message's skeleton, with the frame if there is one.
    Message,
}

impl Rung {
    /// Returns the rule in words, for explanations.
    pub fn rule(self) -> &'static str {
        match self {
            Rung::InApp => "types of the chain and in-app functions",
            Rung::Library => "types of the chain and library functions",
            Rung::Message => "types of the chain, the one frame if any, and the message",
        }
    }
}

/// What identity makes of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// What the template is the hash of.
    pub skeleton: Vec<u8>,
    /// What is displayed: type, message with placeholders, function.
    pub text: String,
}

/// Returns the identity of an exception: of a record's first line (`message`), its other lines or
/// stack field (`trace`), and the type and message that a structured record names (`kind`, `text`).
/// Any of them may be empty. `texts`: what the user wants kept or masked of messages. `None`: there is
/// no exception to be seen.
pub fn identity(
    message: &[u8],
    trace: &[u8],
    kind: &[u8],
    text: &[u8],
    rules: &FrameRules,
    texts: &UserRules,
) -> Option<Identity> {
    let reading = read(message, trace, kind, text, rules)?;
    let climbed = climb(&reading, texts);
    Some(Identity {
        text: climbed.text(&reading, texts),
        skeleton: climbed.skeleton().into_bytes(),
    })
}

/// A function that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) function: String,
    pub(super) is_in_app: bool,
}

/// Where the ladder ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Climbed {
    pub(super) rung: Rung,
    /// Types with codes, the root first; the same type in a row is one.
    pub(super) chain: Vec<String>,
    pub(super) functions: Vec<Counted>,
    /// What rules of the user keep of the messages.
    pub(super) kept: Vec<String>,
    /// The message's words, where they count.
    pub(super) message: Option<String>,
}

/// Climbs the ladder.
pub(super) fn climb(reading: &Reading, texts: &UserRules) -> Climbed {
    let trace = &reading.trace;
    let kept = kept(reading, texts);
    let mut chain: Vec<String> = trace.causes.iter().map(kind_with_codes).collect();
    chain.dedup();
    chain.retain(|kind| !kind.is_empty());
    let in_app = trace.causes.iter().map(in_app_functions).find(|found| !found.is_empty());
    let (rung, functions) = match in_app {
        Some(found) => (Rung::InApp, found),
        None => (Rung::Library, library_functions(&trace.causes)),
    };
    let functions: Vec<Counted> = functions
        .into_iter()
        .map(|function| Counted { function, is_in_app: rung == Rung::InApp })
        .collect();
    // Without a type, functions alone may be those of any failure.
    if trace.frame_count() > FRAMES_THIN && !chain.is_empty() && !functions.is_empty() {
        return Climbed { rung, chain, functions, kept, message: None };
    }
    let rung = if trace.frame_count() > FRAMES_THIN && !functions.is_empty() {
        rung
    } else {
        Rung::Message
    };
    let message = Some(words(reading, texts));
    Climbed { rung, chain, functions, kept, message }
}

impl Climbed {
    /// Returns the bytes of identity as text.
    pub(super) fn skeleton(&self) -> String {
        let mut text = TRACE_MARKER.to_owned();
        for kind in &self.chain {
            push_line(&mut text, 'T', kind);
        }
        for one in &self.functions {
            push_line(&mut text, if one.is_in_app { 'F' } else { 'L' }, &one.function);
        }
        for kept in &self.kept {
            push_line(&mut text, 'K', kept);
        }
        if let Some(message) = &self.message {
            text.push_str("\nM ");
            text.push_str(message);
        }
        text
    }

    /// Returns the hash of the root alone: equal for one failure under different wrappers.
    pub(super) fn root(&self) -> Template {
        let chain = self.chain.iter().take(1).cloned().collect();
        let root = Climbed { chain, ..self.clone() };
        Template::of_skeleton(root.skeleton().replacen(TRACE_MARKER, "<root>", 1).as_bytes())
    }

    /// Returns one readable line.
    fn text(&self, reading: &Reading, texts: &UserRules) -> String {
        let root = &reading.trace.causes[0];
        let message = texts.render(root.message.as_bytes());
        // Of `panic: index out of bounds` the message says the rest again.
        let kind = root.kind.split(": ").next().unwrap_or(&root.kind);
        let kind = short_name(kind);
        let mut text = match (kind.is_empty(), message.is_empty()) {
            (false, false) => format!("{kind}: {message}"),
            (false, true) => kind.to_owned(),
            (true, _) => message,
        };
        if let Some(one) = self.functions.first() {
            let library = if one.is_in_app { "" } else { " (library)" };
            text.push_str(&format!("  at {}{library}", short_function(&one.function)));
        }
        text
    }
}

/// Appends an item. Spaces are those of a message only.
fn push_line(text: &mut String, mark: char, item: &str) {
    text.push('\n');
    text.push(mark);
    text.push(':');
    text.extend(item.chars().map(|c| if c.is_whitespace() || c.is_control() { '_' } else { c }));
}

fn kind_with_codes(cause: &Cause) -> String {
    match cause.codes.is_empty() {
        true => cause.kind.clone(),
        false => format!("{}[{}]", cause.kind, cause.codes.join(",")),
    }
}

/// Returns the cause's functions that are the application's, the innermost first.
fn in_app_functions(cause: &Cause) -> Vec<String> {
    let frames = cause.frames.iter().filter(|frame| frame.origin == Origin::App);
    let names: Vec<&str> = frames.map(|frame| frame.function.as_str()).collect();
    collapse(&names).into_iter().take(FUNCTIONS_MAX).map(str::to_owned).collect()
}

/// Returns the innermost function and the innermost that is not the language's own, of the cause
/// nearest to the root that has any.
fn library_functions(causes: &[Cause]) -> Vec<String> {
    let counts = |frame: &&Frame| frame.origin != Origin::Generated;
    let Some(cause) = causes.iter().find(|cause| cause.frames.iter().any(|frame| counts(&frame)))
    else {
        return Vec::new();
    };
    let first = cause.frames.iter().find(counts);
    let library = cause.frames.iter().find(|frame| frame.origin == Origin::Library);
    let mut functions: Vec<String> =
        library.into_iter().chain(first).map(|frame| frame.function.clone()).collect();
    functions.dedup();
    functions
}

/// Returns the skeletons of the messages that tell a thin trace apart: of every cause; and of the
/// record's first line, where those have no words.
fn words(reading: &Reading, texts: &UserRules) -> String {
    let mut messages: Vec<String> = Vec::new();
    for cause in &reading.trace.causes {
        let words = words_of(&cause.message, texts);
        if has_words(&words) && !messages.contains(&words) {
            messages.push(words);
        }
    }
    if messages.is_empty() {
        messages.push(words_of(&reading.message, texts));
    }
    messages.join("\n")
}

fn words_of(message: &str, texts: &UserRules) -> String {
    String::from_utf8_lossy(&texts.skeleton(message.as_bytes())).into_owned()
}

/// Returns what rules of the user keep of the record's first line and of the causes' messages.
fn kept(reading: &Reading, texts: &UserRules) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    if texts.is_empty() {
        return kept;
    }
    let messages = reading.trace.causes.iter().map(|cause| cause.message.as_str());
    for one in std::iter::once(reading.message.as_str())
        .chain(messages)
        .flat_map(|message| texts.kept(message.as_bytes()))
    {
        if !kept.contains(&one) && kept.len() < MATCHES_MAX {
            kept.push(one);
        }
    }
    kept
}

/// Returns whether a skeleton has a word that says something.
fn has_words(skeleton: &str) -> bool {
    skeleton.split(' ').any(|word| word != MARKER && word != "null" && !word.is_empty())
}

/// Returns `names` with each repeated run of up to [`PERIOD_MAX`] of them once. A run that goes
/// round begins with its smallest name, since a recursion may end anywhere in it.
fn collapse<'n>(names: &[&'n str]) -> Vec<&'n str> {
    let mut kept = Vec::new();
    let mut at = 0;
    while at < names.len() {
        let repeats = |period: &usize| {
            let end = at + 2 * period;
            end <= names.len() && names[at..at + period] == names[at + period..end]
        };
        let Some(period) = (1..=PERIOD_MAX).find(repeats) else {
            kept.push(names[at]);
            at += 1;
            continue;
        };
        let run = &names[at..at + period];
        let first = (0..period).min_by_key(|start| {
            (0..period).map(|step| run[(start + step) % period]).collect::<Vec<_>>()
        });
        kept.extend((0..period).map(|step| run[(first.unwrap_or(0) + step) % period]));
        at += period;
        while at < names.len() && names[at] == names[at - period] {
            at += 1;
        }
    }
    kept
}

/// Returns a function as it is displayed: class and method, or file and function.
fn short_function(function: &str) -> &str {
    let after_path = function.rsplit(['/', '\\']).next().unwrap_or(function);
    let separator = if after_path.contains("::") { "::" } else { "." };
    let mut ends = after_path.rmatch_indices(separator).map(|(at, _)| at);
    match (ends.next(), ends.next()) {
        (Some(_), Some(second)) => &after_path[second + separator.len()..],
        _ => after_path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_runs_of_functions_are_one() {
        assert_eq!(collapse(&["a", "a", "a", "b"]), ["a", "b"]);
        assert_eq!(collapse(&["b", "a", "b", "a", "b", "a", "main"]), ["a", "b", "main"]);
        assert_eq!(collapse(&["a", "b", "a", "b", "main"]), ["a", "b", "main"]);
        assert_eq!(collapse(&["a", "b", "c"]), ["a", "b", "c"]);
        assert!(collapse(&[]).is_empty());
    }

    #[test]
    fn limit_only_short_runs_are_one() {
        let twice = |period: usize| {
            let names: Vec<String> =
                (0..2 * period).map(|at| format!("f{}", at % period)).collect();
            collapse(&names.iter().map(String::as_str).collect::<Vec<_>>()).len()
        };
        assert_eq!(twice(PERIOD_MAX), PERIOD_MAX);
        assert_eq!(twice(PERIOD_MAX + 1), 2 * (PERIOD_MAX + 1));
    }

    #[test]
    fn displayed_functions_are_short() {
        assert_eq!(short_function("com.shop.pay.PaymentService.charge"), "PaymentService.charge");
        assert_eq!(short_function("github.com/acme/shop/cart.(*Service).Add"), "(*Service).Add");
        assert_eq!(short_function("shop::cart::Cart::total"), "Cart::total");
        assert_eq!(short_function("orders/views:get"), "views:get");
        assert_eq!(short_function("App\\Db::connect"), "Db::connect");
    }
}
