//! What a trace is, once it is read: causes from the root outwards, each with its frames from the
//! innermost outwards, and how many of them there may be.

use std::fmt;

/// How many bytes of a trace are looked at. Of a longer one the first and the last half count:
/// some languages print the root first, others last.
pub const TRACE_BYTES_MAX: usize = 256 * 1024;
/// How many exceptions of a chain are kept: those nearest to the root.
pub const CAUSES_MAX: usize = 16;
/// How many frames of a cause are kept: the innermost.
pub const FRAMES_MAX: usize = 2048;
/// How many bytes of a name of a function, file or type count.
pub const NAME_BYTES_MAX: usize = 256;
/// How many bytes of an exception's message are looked at.
pub(super) const MESSAGE_BYTES_MAX: usize = 2 * 1024;

/// Whose run time printed a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Java, Kotlin, Scala and others of the JVM.
    Jvm,
    /// Python.
    Python,
    /// Go.
    Go,
    /// Rust.
    Rust,
    /// Node and browsers.
    JavaScript,
    /// C#, F# and others of .NET.
    DotNet,
    /// Ruby.
    Ruby,
    /// PHP.
    Php,
    /// Told by fields of a structured record only.
    Unknown,
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Language::Jvm => "jvm",
            Language::Python => "python",
            Language::Go => "go",
            Language::Rust => "rust",
            Language::JavaScript => "javascript",
            Language::DotNet => "dotnet",
            Language::Ruby => "ruby",
            Language::Php => "php",
            Language::Unknown => "unknown",
        })
    }
}

/// Whose code a frame is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The application's own.
    App,
    /// A dependency's.
    Library,
    /// The language's own libraries and run time.
    Standard,
    /// Made while the program ran or was compiled (proxies, accessors); it may be missing in the
    /// next trace of the same failure, so it never counts.
    Generated,
}

impl Origin {
    /// Returns the word shown by `explain`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Origin::App => "app",
            Origin::Library => "library",
            Origin::Standard => "standard",
            Origin::Generated => "generated",
        }
    }
}

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// The function with its class, module or file, without all that varies.
    pub(super) function: String,
    pub(super) origin: Origin,
}

/// One exception of a chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Cause {
    /// Its type, empty if unknown.
    pub(super) kind: String,
    pub(super) message: String,
    /// Error codes that its message prints.
    pub(super) codes: Vec<String>,
    /// The innermost first.
    pub(super) frames: Vec<Frame>,
}

impl Cause {
    /// Returns the cause that `head` announces, without frames.
    pub(super) fn of(head: super::head::Head<'_>) -> Cause {
        let message = cut(head.message, MESSAGE_BYTES_MAX);
        let mut codes = super::codes::codes_of(head.kind, message);
        codes.extend(head.code.map(str::to_owned));
        Cause {
            kind: cut(head.kind, NAME_BYTES_MAX).to_owned(),
            message: message.to_owned(),
            codes,
            frames: Vec::new(),
        }
    }

    /// Returns a cause of this type.
    pub(super) fn new(kind: &str, message: &str) -> Cause {
        Cause::of(super::head::Head { kind, message, code: None })
    }

    /// Adds the next outer frame, if there is room.
    pub(super) fn push(&mut self, frame: Frame) {
        if self.frames.len() < FRAMES_MAX {
            self.frames.push(frame);
        }
    }

    /// Adds the next inner frame, for languages that print the innermost last; the outermost are
    /// forgotten when there are too many. [`Cause::turn`] ends it.
    pub(super) fn push_inner(&mut self, frame: Frame) {
        if self.frames.len() >= 2 * FRAMES_MAX {
            self.frames.drain(..FRAMES_MAX);
        }
        self.frames.push(frame);
    }

    /// Puts the innermost frame first.
    pub(super) fn turn(&mut self) {
        self.frames.reverse();
        self.frames.truncate(FRAMES_MAX);
    }
}

/// A trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trace {
    pub(super) language: Language,
    /// The root first, then what wraps it. Never empty.
    pub(super) causes: Vec<Cause>,
}

impl Trace {
    /// Returns the trace of causes whose root is the last one, `None` without any.
    pub(super) fn of_outer_first(language: Language, mut causes: Vec<Cause>) -> Option<Trace> {
        causes.reverse();
        Trace::of_root_first(language, causes)
    }

    /// Returns the trace of causes whose root is the first one, `None` without any.
    pub(super) fn of_root_first(language: Language, mut causes: Vec<Cause>) -> Option<Trace> {
        causes.truncate(CAUSES_MAX);
        (!causes.is_empty()).then_some(Trace { language, causes })
    }

    /// Returns how many frames there are that count as frames.
    pub(super) fn frame_count(&self) -> usize {
        let frames = self.causes.iter().flat_map(|cause| &cause.frames);
        frames.filter(|frame| frame.origin != Origin::Generated).count()
    }
}

/// Appends a cause that is nearer to the root; the outermost is forgotten when there are too many.
pub(super) fn push_deeper(causes: &mut Vec<Cause>, cause: Cause) {
    if causes.len() >= CAUSES_MAX {
        causes.remove(0);
    }
    causes.push(cause);
}

/// Returns at most `bytes_max` bytes of `text`, whole characters.
pub(super) fn cut(text: &str, bytes_max: usize) -> &str {
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
