//! Traces of Go: panics and fatal errors with goroutines, of which the running one decides, stacks
//! that a recovering handler has printed, and stack fields of loggers.

use super::codes::{codes_of, errno_of_words};
use super::lines::{before_number, without_brackets};
use super::model::{Cause, Frame, Language, MESSAGE_BYTES_MAX, NAME_BYTES_MAX, Origin, Trace, cut};
use super::origin::{FrameRules, origin_of_path};

/// What the run time says is constant up to the values in it; these are its types of failures.
const RUNTIME_FAILURES: [&str; 17] = [
    "runtime error: ",
    "assignment to entry in nil map",
    "send on closed channel",
    "close of closed channel",
    "close of nil channel",
    "interface conversion: ",
    "all goroutines are asleep",
    "concurrent map ",
    "sync: ",
    "stack overflow",
    "out of memory",
    "reflect: ",
    "reflect.",
    "unexpected signal",
    "makeslice: ",
    "strings: negative Repeat count",
    "runtime: out of memory",
];

/// The first elements of the paths of the standard library's packages.
const STANDARD_PACKAGES: &[&str] = &[
    "archive",
    "bufio",
    "bytes",
    "cmp",
    "compress",
    "container",
    "context",
    "crypto",
    "database",
    "debug",
    "embed",
    "encoding",
    "errors",
    "expvar",
    "flag",
    "fmt",
    "go",
    "hash",
    "html",
    "image",
    "index",
    "io",
    "iter",
    "log",
    "maps",
    "math",
    "mime",
    "net",
    "os",
    "path",
    "plugin",
    "reflect",
    "regexp",
    "runtime",
    "slices",
    "sort",
    "strconv",
    "strings",
    "sync",
    "syscall",
    "testing",
    "text",
    "time",
    "unicode",
    "unique",
    "internal",
    "panic",
    "weak",
    "structs",
];
const LIBRARIES: &[&str] = &[
    "vendor/",
    "golang.org/x/",
    "google.golang.org/",
    "gopkg.in/",
    "go.uber.org/",
    "k8s.io/",
    "sigs.k8s.io/",
    "go.opentelemetry.io/",
    "gorm.io/",
    "cloud.google.com/",
    "go.mongodb.org/",
    "github.com/aws/",
    "github.com/gin-gonic/",
    "github.com/gofiber/",
    "github.com/go-chi/",
    "github.com/gorilla/",
    "github.com/grpc-ecosystem/",
    "github.com/jackc/",
    "github.com/labstack/",
    "github.com/lib/pq",
    "github.com/pkg/errors",
    "github.com/prometheus/",
    "github.com/redis/",
    "github.com/go-redis/",
    "github.com/sirupsen/",
    "github.com/spf13/",
    "github.com/stretchr/",
    "github.com/valyala/",
    "github.com/hashicorp/",
    "github.com/go-sql-driver/",
    "github.com/segmentio/",
    "github.com/nats-io/",
    "github.com/urfave/",
    "github.com/rs/zerolog",
    "github.com/IBM/sarama",
    "github.com/Shopify/sarama",
    "github.com/confluentinc/",
    "github.com/jmoiron/",
    "github.com/go-kit/",
];

/// Returns whether `line` says where a frame is.
pub(super) fn is_location(line: &str) -> bool {
    location(line).is_some()
}

/// Returns the trace in `lines`.
pub(super) fn read(lines: &[&str], rules: &FrameRules) -> Option<Trace> {
    let stacks = stacks(lines, rules);
    let stack = stacks.iter().find(|stack| stack.is_running && !stack.frames.is_empty());
    let stack = stack.or_else(|| stacks.iter().find(|stack| !stack.frames.is_empty()))?;
    let first = stacks.iter().map(|one| one.begins).min().unwrap_or(0);
    let mut causes = heads(&lines[..first]);
    let panicked = stack.frames.iter().rposition(|(name, _)| is_panic(name));
    if causes.is_empty() {
        let message = lines.first().copied().unwrap_or("");
        // The word `panic:` in front may have been taken for a level. Loggers print stacks too.
        let is_logged = !stack.is_running || stack.frames.iter().any(|(name, _)| is_print(name));
        causes.push(match is_logged && panicked.is_none() {
            true => Cause::new("", message),
            false => cause("panic", message),
        });
    }
    // What runs on top of a panic recovers from it and says nothing of where it came from.
    let thrown = panicked.map_or(0, |at| at + 1);
    for (_, frame) in stack.frames.iter().skip(thrown) {
        causes[0].push(frame.clone());
    }
    Trace::of_root_first(Language::Go, causes)
}

/// The frames of one goroutine, or of an error that carries its stack.
struct Stack {
    /// The line with which it begins.
    begins: usize,
    is_running: bool,
    /// Printed name without arguments, and frame.
    frames: Vec<(String, Frame)>,
}

fn stacks(lines: &[&str], rules: &FrameRules) -> Vec<Stack> {
    let mut stacks: Vec<Stack> = Vec::new();
    let mut is_open = false;
    for (at, line) in lines.iter().enumerate() {
        if line.starts_with("goroutine ") && line.trim_end().ends_with("]:") {
            let is_running = line.contains("[running");
            stacks.push(Stack { begins: at, is_running, frames: Vec::new() });
            is_open = true;
        } else if let Some(file) = location(line) {
            let above = if at == 0 { "" } else { lines[at - 1] };
            if !is_open {
                stacks.push(Stack {
                    begins: at.saturating_sub(1),
                    is_running: false,
                    frames: Vec::new(),
                });
                is_open = true;
            }
            if let (Some(stack), Some(name)) = (stacks.last_mut(), function(above))
                && stack.frames.len() < super::model::FRAMES_MAX
            {
                stack.frames.push((name.to_owned(), frame(name, file, rules)));
            }
        } else if !lines.get(at + 1).is_some_and(|next| is_location(next)) {
            // Neither a frame nor its function: what follows is another stack.
            is_open = is_open && line.trim_start().starts_with("...");
        }
    }
    stacks
}

/// Returns the file of a line such as `\t/srv/cart.go:12 +0x1d`.
fn location(line: &str) -> Option<&str> {
    let line = line.trim();
    let place = line.split_once(" +0x").map_or(line, |(place, _)| place);
    let file = before_number(place.trim_end())?;
    let is_source =
        file.ends_with(".go") || file.ends_with(".s") || file.ends_with("_cgo_gotypes.go");
    (is_source && file.len() > 3 && !file.contains(['(', '"', '@']) || is_module_file(file))
        .then_some(file)
}

/// Returns whether `file` lies in a versioned module, whose path holds an `@`.
fn is_module_file(file: &str) -> bool {
    file.ends_with(".go") && file.contains("@v") && !file.contains([' ', '('])
}

/// Returns the function that a line above a location names, without its arguments.
fn function(line: &str) -> Option<&str> {
    let line = line.trim();
    if line.is_empty() || line.starts_with("created by ") || line.starts_with("[originating") {
        return None;
    }
    let name = match line.strip_suffix(')') {
        Some(rest) => rest.rfind('(').map_or(rest, |open| &rest[..open]),
        None => line,
    };
    let is_name = !name.is_empty() && !name.contains([' ', '"', '=']) || name.contains("[...]");
    is_name.then(|| cut(name, NAME_BYTES_MAX))
}

fn is_panic(name: &str) -> bool {
    matches!(name, "panic" | "runtime.gopanic")
}

/// Returns whether the function prints a stack.
fn is_print(name: &str) -> bool {
    name.starts_with("runtime/debug.") || name == "runtime.Stack"
}

fn frame(name: &str, file: &str, rules: &FrameRules) -> Frame {
    let function = simple_name(name);
    let first = function.split(['/', '.']).next().unwrap_or("");
    let package_end = function.rfind('/').unwrap_or(0);
    let package = function[package_end..]
        .find('.')
        .map_or(&function[..], |dot| &function[..package_end + dot]);
    let of_path = origin_of_path(file);
    let known = if STANDARD_PACKAGES.contains(&first) && of_path != Origin::Library
        || of_path == Origin::Standard
    {
        Origin::Standard
    } else if of_path == Origin::Library
        || file.contains("@v")
        || LIBRARIES.iter().any(|prefix| package.starts_with(prefix))
    {
        Origin::Library
    } else {
        Origin::App
    };
    Frame { origin: rules.judge(name, file, known), function }
}

/// Returns the name without type arguments, numbered closures and the major version of a module.
fn simple_name(name: &str) -> String {
    let name = without_brackets(name, '[', ']');
    let name = name.strip_suffix("-fm").unwrap_or(&name).replace("%2e", ".");
    let (path, symbol) = name.rsplit_once('/').unwrap_or(("", &name));
    let is_version = |part: &str| part.strip_prefix('v').is_some_and(super::lines::is_digits);
    let mut kept: Vec<&str> =
        path.split('/').filter(|part| !part.is_empty() && !is_version(part)).collect();
    let symbol: Vec<&str> = symbol.split('.').filter(|part| !is_numbered(part)).collect();
    let symbol = symbol.join(".");
    kept.push(&symbol);
    kept.join("/")
}

/// Returns whether the compiler has made up this part of a name: `func1`, `gowrap2`, `3`.
fn is_numbered(part: &str) -> bool {
    let rest = ["func", "gowrap", "deferwrap"]
        .iter()
        .find_map(|word| part.strip_prefix(word))
        .unwrap_or(part);
    part.is_empty()
        || super::lines::is_digits(rest)
        || rest.split_once('-').is_some_and(|(number, range)| {
            super::lines::is_digits(number) && range.starts_with("range")
        })
}

/// Returns the panics that `lines` announce, the first one first.
fn heads(lines: &[&str]) -> Vec<Cause> {
    let mut causes = Vec::new();
    for line in lines {
        let text = line.trim();
        let text = text.strip_suffix(" [recovered]").unwrap_or(text);
        let (word, message) = if let Some(message) = after(text, "panic: ") {
            ("panic", message)
        } else if let Some(message) = after(text, "fatal error: ") {
            ("fatal error", message)
        } else if let Some(at) = text.find("runtime error: ") {
            ("panic", &text[at..])
        } else if text.contains("panic serving ") {
            // `http: panic serving 10.0.0.7:4711: message`
            ("panic", text.splitn(4, ": ").last().unwrap_or(""))
        } else {
            continue;
        };
        let cause = cause(word, message);
        if causes.len() < super::model::CAUSES_MAX && causes.last() != Some(&cause) {
            causes.push(cause);
        }
    }
    causes
}

/// Returns what follows `word` if it stands at the start of `text` or of one of its words.
fn after<'t>(text: &'t str, word: &str) -> Option<&'t str> {
    let at = text.find(word)?;
    (at == 0 || text[..at].ends_with([' ', '"', '\''])).then(|| &text[at + word.len()..])
}

fn cause(word: &str, message: &str) -> Cause {
    let message = cut(message.trim(), MESSAGE_BYTES_MAX);
    let kind = match failure_of(message) {
        Some(failure) => format!("{word}: {failure}"),
        None => word.to_owned(),
    };
    let mut codes = codes_of(&kind, message);
    codes.extend(errno_of_words(message).map(str::to_owned));
    codes.dedup();
    Cause { kind, message: message.to_owned(), codes, frames: Vec::new() }
}

/// Returns what stands for a type in a panic's message: what the run time says, or the Go type of
/// the value.
fn failure_of(message: &str) -> Option<&str> {
    if RUNTIME_FAILURES.iter().any(|known| message.starts_with(known)) {
        let is_value =
            |letter: char| letter.is_ascii_digit() || matches!(letter, '[' | '(' | '{' | '"');
        let end = message.find(is_value).unwrap_or(message.len());
        let words = message[..end].trim();
        let words =
            words.strip_prefix("interface conversion: ").map_or(words, |_| "interface conversion");
        return Some(words.trim_end_matches(':'));
    }
    let value = message.trim_start_matches(['&', '*', '(']);
    let end = value
        .find(|letter: char| !letter.is_alphanumeric() && !matches!(letter, '_' | '.' | '/'))?;
    let (name, rest) = value.split_at(end);
    let is_type = name.contains('.') && !name.ends_with('.') && rest.starts_with(['{', '(', ')']);
    (is_type || rest.starts_with("{") && !name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_free_of_closures_versions_and_arguments() {
        for line in [
            "github.com/acme/shop/cart.(*Service).Add(0xc000123456, {0x1, 0x2})",
            "github.com/acme/shop/v2/cart.(*Service).Add.func1()",
            "github.com/acme/shop/cart.(*Service).Add.func2.1.3(...)",
            "github.com/acme/shop/cart.(*Service).Add-fm",
            "github.com/acme/shop/cart.(*Service).Add.gowrap1()",
        ] {
            let name = simple_name(function(line).unwrap());
            assert_eq!(name, "github.com/acme/shop/cart.(*Service).Add", "{line}");
        }
        assert_eq!(simple_name("main.Map[...].func1"), "main.Map");
    }

    #[test]
    fn the_run_times_own_words_and_types_of_values_are_kinds() {
        let kind = |message: &str| cause("panic", message).kind;
        assert_eq!(
            kind("runtime error: index out of range [5] with length 3"),
            "panic: runtime error: index out of range"
        );
        assert_eq!(kind("main.StockError{Sku:\"a\"}"), "panic: main.StockError");
        assert_eq!(kind("(*errors.errorString) 0xc000"), "panic: errors.errorString");
        assert_eq!(kind("order 12: no such thing"), "panic");
        assert_eq!(
            cause("panic", "dial tcp 10.0.0.1:1: connect: connection refused").codes,
            ["ECONNREFUSED"]
        );
    }
}
